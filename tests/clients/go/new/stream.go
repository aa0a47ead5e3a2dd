package main

import (
	"context"
	"io"

	"example.com/broker/clients/check"
	"example.com/broker/clients/newpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// PublishStream: a bad message harms only itself, results come in the order sent.
func stream(ctx context.Context, broker newpb.BrokerClient) {
	stream := check.Good(broker.PublishStream(ctx))
	good := func() *newpb.PublishRequest { return &newpb.PublishRequest{Subject: "stream", Keep: true} }
	bad := &newpb.PublishRequest{Subject: "", Keep: true}
	results := &results{stream: stream}
	check.Good(0, stream.Send(batch(good(), bad, good())))
	check.Equal("the first", results.next().GetId(), 1)
	check.Refused("the second", status.FromProto(results.next().GetError()).Err(), codes.InvalidArgument, "INVALID_SUBJECT")
	check.Equal("the third", results.next().GetId(), 2)

	const batches, each = 100, 100
	go func() {
		messages := make([]*newpb.PublishRequest, each)
		for number := range messages {
			messages[number] = good()
		}
		for range batches {
			check.Good(0, stream.Send(batch(messages...)))
		}
		check.Good(0, stream.CloseSend())
	}()
	for number := range batches * each {
		check.Equal("id", results.next().GetId(), uint64(number+3))
	}
	_, err := stream.Recv()
	check.Equal("the end", err, io.EOF)
	tooLarge(ctx, broker)
}

func tooLarge(ctx context.Context, broker newpb.BrokerClient) {
	stream := check.Good(broker.PublishStream(ctx))
	messages := make([]*newpb.PublishRequest, 65_537)
	for number := range messages {
		messages[number] = &newpb.PublishRequest{Subject: "batch", Keep: true}
	}
	check.Good(0, stream.Send(batch(messages...)))
	_, err := stream.Recv()
	check.Refused("65,537 messages", err, codes.InvalidArgument, "BATCH_TOO_LARGE")
	_, err = broker.Fetch(ctx, &newpb.FetchRequest{Subject: "batch", Id: 1})
	check.Refused("nothing of it", err, codes.InvalidArgument, "MESSAGE_NOT_FOUND")
}

func batch(messages ...*newpb.PublishRequest) *newpb.PublishBatch {
	return &newpb.PublishBatch{Messages: messages}
}

// results come one per message; acknowledgements need not match batches.
type results struct {
	stream  newpb.Broker_PublishStreamClient
	waiting []*newpb.PublishResult
}

func (r *results) next() *newpb.PublishResult {
	for len(r.waiting) == 0 {
		ack := check.Good(r.stream.Recv())
		check.Equal("durability", ack.Durability, newpb.Durability_DISK)
		r.waiting = ack.Results
	}
	result := r.waiting[0]
	r.waiting = r.waiting[1:]
	return result
}
