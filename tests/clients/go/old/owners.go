package main

import (
	"time"

	"example.com/broker/clients/check"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// This broker stands by, until the owner leaves.
func standby(c *client) {
	hearsStandby(c)
	check.Pause("stands by")
	check.Equal("the next id", retried(c, "owners"), 2)
	check.Equal("what the owner stored", check.Good(c.fetch("owners", 1)), "first")
}

func hearsStandby(c *client) {
	_, err := c.publish("owners", nil, aWhile)
	check.Refused("a publish", err, codes.Unavailable, "STANDBY")
	_, err = c.publish("owners", nil, 0)
	check.Refused("delivered only", err, codes.Unavailable, "STANDBY")
	_, err = c.fetch("owners", 1)
	check.Refused("a fetch", err, codes.Unavailable, "STANDBY")
	_, err = c.begin("owners").next()
	check.Refused("a subscription", err, codes.Unavailable, "STANDBY")
}

// The owner is killed, and its address leads to the broker that stood by.
func takeover(c *client) {
	check.Equal("at the first owner", check.Good(c.publish("owners", []byte("first"), aWhile)), 1)
	live := c.subscribe("owners")
	check.Equal("at the first owner", check.Good(live.next()), "first")
	check.Pause("subscribed")
	_, err := live.next()
	check.Equal("its end", status.Code(err), codes.Unavailable)
	check.Equal("at the next owner", retried(c, "owners") > 1, true)
	all := c.subscribe("owners")
	check.Equal("at the next owner", check.Good(all.next()), "first")
	check.Equal("at the next owner", check.Good(all.next()), "again")
}

// retried publishes until it is told an id, for as long as it hears that it may be tried again.
func retried(c *client, subject string) int32 {
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		id, err := c.publish(subject, []byte("again"), aWhile)
		if err == nil {
			return id
		}
		check.Equal("while nobody serves", status.Code(err), codes.Unavailable)
		check.Equal("an owner in time", time.Now().Before(deadline), true)
	}
}
