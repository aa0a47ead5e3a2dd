// Prints one kept message:
//
//	go run ./fetch orders 1
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"example.com/broker/examples/brokerpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: fetch SUBJECT ID")
	}
	id, err := strconv.ParseUint(os.Args[2], 10, 64)
	if err != nil {
		log.Fatal(err)
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

	ctx, done := context.WithTimeout(context.Background(), 10*time.Second)
	defer done()
	request := &brokerpb.FetchRequest{Subject: os.Args[1], Id: id}
	// A fetch may be made again after any error.
	message, err := brokerpb.NewBrokerClient(connection).Fetch(ctx, request, grpc.WaitForReady(true))
	if err == nil {
		fmt.Printf("%s\n", message.Body)
		return
	}
	switch reason(err) {
	case "MESSAGE_EXPIRED":
		fmt.Println("it has expired")
	case "MESSAGE_NOT_FOUND":
		fmt.Println("it was never published")
	default:
		log.Fatal(err)
	}
}

// reason is the broker's own word for what went wrong; the code alone does not tell them apart.
func reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}
