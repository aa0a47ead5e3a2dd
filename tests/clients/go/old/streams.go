package main

import (
	"fmt"
	"sync"
	"time"

	"example.com/broker/clients/check"
	"google.golang.org/grpc/codes"
)

// The connection lives over many pings, with and without a call under way.
func keepsAlive(c *client) {
	idle := c.subscribe("idle")
	check.Pause("subscribed")
	check.Good(c.publish("idle", []byte("hello"), aWhile))
	check.Equal("after many pings", check.Good(idle.next()), "hello")
	idle.cancel()
	check.Pause("without a call")
	check.Equal("after more pings", check.Good(c.fetch("idle", 1)), "hello")
}

// The broker of this scenario takes 8 subscriptions: those that were cancelled must be gone.
func cancel(c *client) {
	check.Good(c.publish("cancel", []byte("kept"), aWhile))
	for range 50 {
		deadline := time.Now().Add(patience)
		for {
			taken := c.subscribe("cancel")
			message, err := taken.next()
			taken.cancel()
			if err == nil {
				check.Equal("kept", message, "kept")
				_, err = taken.next()
				check.Refused("cancelled", err, codes.Canceled, "")
				break
			}
			check.Refused("no seat yet", err, codes.ResourceExhausted, "OVERLOADED")
			check.Equal("a seat in time", time.Now().Before(deadline), true)
		}
	}
	check.Equal("the broker goes on", check.Good(c.publish("cancel", nil, aWhile)), 2)
}

// A subscriber that does not read slows no publisher and misses nothing.
func slow(c *client) {
	const count, size = 2_000, 8 * 1024
	sleepy := c.subscribe("slow")
	for number := range count {
		body := fmt.Appendf(make([]byte, 0, size), "%d ", number)
		check.Equal("id", check.Good(c.publish("slow", body[:size], aWhile)), int32(number+1))
	}
	for number := range count {
		var got int
		fmt.Sscan(check.Good(sleepy.next()), &got)
		check.Equal("in order", got, number)
	}
}

// Many small messages from many calls at once, kept and delivered only.
func many(c *client) {
	const publishers, each = 50, 400
	live := c.subscribe("many")
	var work sync.WaitGroup
	for publisher := range publishers {
		work.Go(func() {
			for number := range each {
				seconds := int32(publisher%2) * aWhile
				check.Good(c.publish("many", fmt.Appendf(nil, "%d %d", publisher, number), seconds))
			}
		})
	}
	var next [publishers]int
	for range publishers * each {
		var publisher, number int
		fmt.Sscan(check.Good(live.next()), &publisher, &number)
		check.Equal("each publisher's own order", number, next[publisher])
		next[publisher]++
	}
	work.Wait()
}
