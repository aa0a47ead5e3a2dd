package main

import (
	"context"
	"strings"

	"example.com/broker/clients/check"
	"example.com/broker/clients/oldpb"
	"google.golang.org/grpc/codes"
)

// The broker leaves: subscriptions end, and new calls hear it.
func closing(c *client) {
	check.Good(c.publish("closing", []byte("kept"), aWhile))
	live := c.subscribe("closing")
	check.Equal("kept", check.Good(live.next()), "kept")
	check.Pause("subscribed")
	_, err := live.next()
	check.Refused("the subscription", err, codes.Unavailable, "BROKER_CLOSING")
	_, err = c.publish("closing", nil, aWhile)
	check.Refused("a publish", err, codes.Unavailable, "BROKER_CLOSING")
	_, err = c.fetch("closing", 1)
	check.Refused("a fetch", err, codes.Unavailable, "BROKER_CLOSING")
	stream := check.Good(c.broker.Subscribe(context.Background(), &oldpb.SubscribeRequest{Subject: "closing"}))
	_, err = stream.Recv()
	check.Refused("a new subscription", err, codes.Unavailable, "BROKER_CLOSING")
}

// The store of this broker is small.
func overloaded(c *client) {
	body := []byte(strings.Repeat("x", 64*1024))
	stored, err := int32(0), error(nil)
	for stored < 1_000 {
		var id int32
		if id, err = c.publish("full", body, aWhile); err != nil {
			break
		}
		stored = id
	}
	check.Refused("a full store", err, codes.ResourceExhausted, "OVERLOADED")
	check.Equal("what is stored stays", check.Good(c.fetch("full", stored)), string(body))
	check.Equal("what is not stored goes on", check.Good(c.publish("full", body, 0)), 0)
}

// The disk of this broker fails when told so.
func unavailable(c *client) {
	check.Good(c.publish("disk", []byte("kept"), aWhile))
	check.Pause("published")
	_, err := c.publish("disk", nil, aWhile)
	check.Refused("at the failure", err, codes.DeadlineExceeded, "OUTCOME_UNKNOWN")
	_, err = c.publish("disk 2", nil, aWhile)
	check.Refused("after it", err, codes.Unavailable, "STORAGE_UNAVAILABLE")
	check.Equal("delivered only", check.Good(c.publish("disk 2", nil, 0)), 0)
	check.Equal("what was kept", check.Good(c.fetch("disk", 1)), "kept")
}

// Message 2 of 3 was damaged on the broker's disk.
func damaged(c *client) {
	_, err := c.fetch("damaged", 2)
	check.Refused("fetch", err, codes.DataLoss, "MESSAGE_DAMAGED")
	check.Equal("its id", check.Metadata(err, "id"), "2")
	first := check.Good(c.fetch("damaged", 1))
	check.Good(c.fetch("damaged", 3))
	history := c.subscribe("damaged")
	check.Equal("the one before it", check.Good(history.next()), first)
	_, err = history.next()
	check.Refused("a subscription", err, codes.DataLoss, "MESSAGE_DAMAGED")
	check.Equal("its id", check.Metadata(err, "id"), "2")
}
