// Prints what is kept of a subject and then what is new, and goes on after the last message when the
// connection or the broker is gone:
//
//	go run ./subscribe orders
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"example.com/broker/examples/brokerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: subscribe SUBJECT")
	}
	address := os.Getenv("BROKER")
	if address == "" {
		address = "127.0.0.1:8080"
	}
	connection, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// Notices a broker that vanished without a word.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second}))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()

	broker := brokerpb.NewBrokerClient(connection)
	// Keep this with your results if you want to go on after a restart of your program.
	var lastID uint64
	for {
		err := follow(broker, os.Args[1], &lastID)
		switch status.Code(err) {
		// INTERNAL: a proxy between lost the broker.
		case codes.Unavailable, codes.ResourceExhausted, codes.Internal:
			// Reading again does no harm, so this is right however the stream ended.
			log.Printf("going on after message %d: %v", lastID, err)
			time.Sleep(time.Second)
		default:
			// OUT_OF_RANGE: this broker's store has not come as far as lastID: it is another store.
			log.Fatal(err)
		}
	}
}

// follow prints messages until the subscription ends, and says why it did.
func follow(broker brokerpb.BrokerClient, subject string, lastID *uint64) error {
	// A subscription has no end, so it has no deadline.
	request := &brokerpb.SubscribeRequest{Subject: subject, AfterId: *lastID}
	stream, err := broker.Subscribe(context.Background(), request, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		fmt.Printf("%d %s\n", message.Id, message.Body)
		// A delivered-only message has the id 0 and can't be resumed after.
		if message.Id > 0 {
			*lastID = message.Id
		}
	}
}
