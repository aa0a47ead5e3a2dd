package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.com/broker/clients/check"
	"example.com/broker/clients/oldpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// The largest message, in bytes of its encoded request.
const largest = 4_193_280

// Published with and without a lifetime, subscribed (what is kept and then what is new), fetched.
func messages(c *client) {
	check.Equal("first id", check.Good(c.publish("go", []byte("kept 1"), aWhile)), 1)
	check.Equal("delivered only", check.Good(c.publish("go", []byte("heard by nobody"), 0)), 0)
	check.Equal("second id", check.Good(c.publish("go", []byte("kept 2"), aWhile)), 2)

	all := c.subscribe("go")
	check.Equal("history", check.Good(all.next()), "kept 1")
	check.Equal("history", check.Good(all.next()), "kept 2")
	for number := range 100 {
		seconds := int32(number%2) * aWhile
		check.Good(c.publish("go", fmt.Appendf(nil, "live %d", number), seconds))
	}
	for number := range 100 {
		check.Equal("live", check.Good(all.next()), fmt.Sprintf("live %d", number))
	}

	check.Equal("fetched", check.Good(c.fetch("go", 2)), "kept 2")
	check.Equal("fetched", check.Good(c.fetch("go", 52)), "live 99")
	check.Equal("another subject counts by itself", check.Good(c.publish("go 2", nil, aWhile)), 1)
	check.Equal("an empty body", check.Good(c.fetch("go 2", 1)), "")
}

func errors(c *client) {
	refusedPublish(c, "an empty subject", "", 0, "INVALID_SUBJECT")
	refusedPublish(c, "a subject of 256 bytes", strings.Repeat("a", 256), 0, "INVALID_SUBJECT")
	refusedPublish(c, "a control character", "a\x7f", 0, "INVALID_SUBJECT")
	refusedPublish(c, "a negative expiration", "errors", -1, "INVALID_EXPIRATION")
	check.Good(c.publish("errors", nil, 1<<31-1))

	_, err := c.fetch("errors", 2)
	check.Refused("an id never published", err, codes.InvalidArgument, "MESSAGE_NOT_FOUND")
	for _, id := range []int32{0, -1, -1 << 31} {
		_, err = c.fetch("errors", id)
		check.Refused(fmt.Sprint("id ", id), err, codes.InvalidArgument, "MESSAGE_NOT_FOUND")
	}
	_, err = c.fetch("", 1)
	check.Refused("fetch of no subject", err, codes.InvalidArgument, "INVALID_SUBJECT")

	stream := check.Good(c.broker.Subscribe(context.Background(), &oldpb.SubscribeRequest{Subject: "\n"}))
	_, err = stream.Recv()
	check.Refused("subscription to a line break", err, codes.InvalidArgument, "INVALID_SUBJECT")

	id := check.Good(c.publish("errors", []byte("brief"), 1))
	deadline := time.Now().Add(patience)
	for err = nil; err == nil && time.Now().Before(deadline); {
		_, err = c.fetch("errors", id)
	}
	check.Refused("an expired message", err, codes.InvalidArgument, "MESSAGE_EXPIRED")
}

func refusedPublish(c *client, what, subject string, seconds int32, reason string) {
	_, err := c.publish(subject, []byte("x"), seconds)
	check.Refused(what, err, codes.InvalidArgument, reason)
}

// A message of the largest size gets through everywhere at the library's limits, one byte more nowhere.
func limit(c *client) {
	body := make([]byte, largest)
	for proto.Size(&oldpb.PublishRequest{Subject: "large", Body: body, ExpirationSeconds: aWhile}) > largest {
		body = body[1:]
	}
	body[0], body[len(body)-1] = 'a', 'z'
	live := c.subscribe("large")
	id := check.Good(c.publish("large", body, aWhile))
	check.Equal("live", check.Good(live.next()), string(body))
	check.Equal("fetched", check.Good(c.fetch("large", id)), string(body))
	check.Equal("kept", check.Good(c.subscribe("large").next()), string(body))

	_, err := c.publish("large", append(body, 'x'), aWhile)
	check.Refused("one byte more", err, codes.InvalidArgument, "MESSAGE_TOO_LARGE")
	check.Equal("the next id", check.Good(c.publish("large", nil, aWhile)), id+1)
}

func deadline(c *client) {
	start := time.Now()
	ctx, done := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer done()
	stream := check.Good(c.broker.Subscribe(ctx, &oldpb.SubscribeRequest{Subject: "deadline"}))
	_, err := stream.Recv()
	check.Refused("a subscription past its deadline", err, codes.DeadlineExceeded, "")
	check.Equal("it ended at its deadline", time.Since(start) >= 500*time.Millisecond, true)
	check.Equal("a call within its deadline", check.Good(c.publish("deadline", nil, aWhile)), 1)
}
