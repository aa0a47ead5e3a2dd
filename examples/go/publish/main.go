// Publishes one message that is worth keeping for an hour:
//
//	go run ./publish orders "one tea"
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"example.com/broker/examples/brokerpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: publish SUBJECT TEXT")
	}
	address := os.Getenv("BROKER")
	if address == "" {
		address = "127.0.0.1:8080"
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()

	answer, err := publish(brokerpb.NewBrokerClient(connection), &brokerpb.PublishRequest{
		Subject: os.Args[1],
		Body:    []byte(os.Args[2]),
		// Instead: Keep for good, or nothing at all for who listens now.
		Expiration: durationpb.New(time.Hour),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Id, answer.Durability)
}

// publish sends a message again only while the broker says that it is surely not stored.
func publish(broker brokerpb.BrokerClient, request *brokerpb.PublishRequest) (*brokerpb.PublishResponse, error) {
	for attempt := 1; ; attempt++ {
		// Longer than the 10 s after which the broker itself says that it does not know.
		ctx, done := context.WithTimeout(context.Background(), 15*time.Second)
		// Waits for the connection instead of failing while there is none.
		answer, err := broker.Publish(ctx, request, grpc.WaitForReady(true))
		done()
		pause := retryDelay(err)
		if err == nil || pause == 0 || attempt == 10 {
			return answer, err
		}
		log.Printf("trying again in %v: %v", pause, err)
		time.Sleep(pause)
	}
}

// retryDelay is how long the broker asks to wait before the same call: it says so (RetryInfo) with
// UNAVAILABLE and RESOURCE_EXHAUSTED, where nothing was stored. All else is 0, do not send again:
// DEADLINE_EXCEEDED and a connection lost in the middle mean that the message may be stored, and
// INVALID_ARGUMENT that it will never be.
func retryDelay(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			return retry.GetRetryDelay().AsDuration()
		}
	}
	return 0
}
