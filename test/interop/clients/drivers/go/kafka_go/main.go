// kafka-go: its Writer, Reader and ConsumerGroup; group_by_requests.go has what these cannot do.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// group is a membership, either of ConsumerGroup or by single requests.
type group interface {
	commit(offsets map[int]int64) error
	leave() error
}

type driver struct {
	address string
	member  *member
	group   group
}

var codecs = map[string]kafka.Compression{
	"gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd,
}

func meaning(err error) error {
	var several kafka.WriteErrors
	if errors.As(err, &several) {
		err = several[0]
	}
	switch {
	case errors.Is(err, kafka.MessageSizeTooLarge):
		return refusal{"too_large", err.Error()}
	case errors.Is(err, kafka.UnknownTopicOrPartition):
		return refusal{"unknown_topic", err.Error()}
	}
	return err
}

func (d *driver) produce(o options) error {
	partition := o.number("partition", 0)
	// The default one keeps metadata for seconds, in which a new topic is unknown.
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	writer := &kafka.Writer{
		Addr:         kafka.TCP(d.address),
		Topic:        o["topic"],
		Transport:    transport,
		Balancer:     kafka.BalancerFunc(func(kafka.Message, ...int) int { return partition }),
		Compression:  codecs[o["codec"]],
		RequiredAcks: kafka.RequireAll,
		BatchTimeout: 5 * time.Millisecond,
		BatchBytes:   int64(o.number("max_bytes", 1<<20)),
		MaxAttempts:  3,
	}
	defer writer.Close()
	var batch []kafka.Message
	for _, r := range o.records() {
		each := kafka.Message{Key: r.key, Value: r.value}
		for _, h := range r.headers {
			each.Headers = append(each.Headers, kafka.Header{Key: h.name, Value: h.value})
		}
		batch = append(batch, each)
	}
	return meaning(writer.WriteMessages(context.Background(), batch...))
}

func received(m kafka.Message) record {
	told := record{partition: m.Partition, offset: m.Offset, key: m.Key, value: m.Value}
	for _, h := range m.Headers {
		told.headers = append(told.headers, header{h.Key, h.Value})
	}
	return told
}

func (d *driver) reader(topic string, partition, maxBytes int) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{d.address}, Topic: topic, Partition: partition,
		MinBytes: 1, MaxBytes: max(maxBytes, 1<<20) + 1000, MaxWait: 200 * time.Millisecond,
	})
}

func (d *driver) read(o options) error {
	reader := d.reader(o["topic"], o.number("partition", 0), o.number("max_bytes", 0))
	defer reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	if o["time_ms"] != "" {
		when := time.UnixMilli(int64(o.number("time_ms", 0)))
		if err := reader.SetOffsetAt(ctx, when); err != nil {
			return err
		}
	}
	for count := o.number("count", 0); count > 0; count-- {
		m, err := reader.ReadMessage(ctx)
		if err != nil {
			return fmt.Errorf("%d records did not come: %w", count, err)
		}
		emitRecord(received(m))
	}
	return nil
}

// follow tells of a partition's records until ctx ends.
func (d *driver) follow(ctx context.Context, topic string, partition int, offset int64) {
	reader := d.reader(topic, partition, 0)
	defer reader.Close()
	if err := reader.SetOffset(offset); err != nil {
		emitError(err)
	}
	for {
		m, err := reader.ReadMessage(ctx)
		if err != nil {
			return
		}
		d.member.tell(received(m))
	}
}

type generations struct {
	group   *kafka.ConsumerGroup
	topic   string
	mutex   sync.Mutex
	current *kafka.Generation
}

func (g *generations) commit(offsets map[int]int64) error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.current.CommitOffsets(map[string]map[int]int64{g.topic: offsets})
}

func (g *generations) leave() error { return g.group.Close() }

func (d *driver) join(o options) error {
	d.member = newMember(o)
	if o.cooperative() || o["instance"] != "" {
		d.group = joinByRequests(d, o)
		return nil
	}
	joined, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: o["group"], Brokers: []string{d.address}, Topics: []string{o["topic"]},
		SessionTimeout: o.millis("session_ms", 10000), HeartbeatInterval: o.heartbeat(),
		StartOffset: kafka.FirstOffset, JoinGroupBackoff: 200 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	g := &generations{group: joined, topic: o["topic"]}
	d.group = g
	go func() {
		for {
			generation, err := joined.Next(context.Background())
			if errors.Is(err, kafka.ErrGroupClosed) {
				return
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				continue
			}
			g.mutex.Lock()
			g.current = generation
			g.mutex.Unlock()
			var all []int
			for _, each := range generation.Assignments[g.topic] {
				all = append(all, each.ID)
				generation.Start(func(ctx context.Context) {
					d.follow(ctx, g.topic, each.ID, each.Offset)
				})
			}
			d.member.change(all, nil)
			generation.Start(func(ctx context.Context) {
				<-ctx.Done()
				d.member.change(nil, all)
			})
		}
	}()
	return nil
}

func (d *driver) commit() error { return d.group.commit(d.member.positions()) }

func (d *driver) leave() error { return d.group.leave() }

func main() { serve(&driver{address: os.Args[1]}) }
