// sarama.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
)

type driver struct {
	address string
	topic   string
	group   sarama.ConsumerGroup
	member  *member
	session chan sarama.ConsumerGroupSession
	stop    context.CancelFunc
	stopped chan struct{}
}

var codecs = map[string]sarama.CompressionCodec{
	"gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
	"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
}

func configuration() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V3_6_0_0
	c.Consumer.Return.Errors = true
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Metadata.RefreshFrequency = 5 * time.Second
	return c
}

func meaning(err error) error {
	switch {
	case errors.Is(err, sarama.ErrMessageSizeTooLarge):
		return refusal{"too_large", err.Error()}
	case errors.Is(err, sarama.ErrUnknownTopicOrPartition):
		return refusal{"unknown_topic", err.Error()}
	}
	return err
}

func (d *driver) produce(o options) error {
	c := configuration()
	c.Producer.Compression = codecs[o["codec"]]
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	c.Producer.MaxMessageBytes = o.number("max_bytes", 1000000)
	if _, idempotent := o["idempotent"]; idempotent {
		c.Producer.Idempotent = true
		c.Net.MaxOpenRequests = 1
	}
	producer, err := sarama.NewSyncProducer([]string{d.address}, c)
	if err != nil {
		return err
	}
	defer producer.Close()
	var batch []*sarama.ProducerMessage
	for _, r := range o.records() {
		each := &sarama.ProducerMessage{
			Topic: o["topic"], Partition: int32(o.number("partition", 0)),
			Key: sarama.ByteEncoder(r.key),
		}
		if r.value != nil {
			each.Value = sarama.ByteEncoder(r.value)
		}
		for _, h := range r.headers {
			each.Headers = append(each.Headers,
				sarama.RecordHeader{Key: []byte(h.name), Value: h.value})
		}
		batch = append(batch, each)
	}
	err = producer.SendMessages(batch)
	var several sarama.ProducerErrors
	if errors.As(err, &several) {
		err = several[0].Err
	}
	return meaning(err)
}

func received(m *sarama.ConsumerMessage) record {
	told := record{partition: int(m.Partition), offset: m.Offset, key: m.Key, value: m.Value}
	for _, h := range m.Headers {
		told.headers = append(told.headers, header{string(h.Key), h.Value})
	}
	return told
}

func (d *driver) read(o options) error {
	c := configuration()
	c.Consumer.Fetch.Default = int32(o.number("max_bytes", 1<<20))
	client, err := sarama.NewClient([]string{d.address}, c)
	if err != nil {
		return err
	}
	defer client.Close()
	partition, offset := int32(o.number("partition", 0)), sarama.OffsetOldest
	if o["time_ms"] != "" {
		offset, err = client.GetOffset(o["topic"], partition, int64(o.number("time_ms", 0)))
		if err != nil {
			return err
		}
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return err
	}
	messages, err := consumer.ConsumePartition(o["topic"], partition, offset)
	if err != nil {
		return err
	}
	defer messages.AsyncClose()
	limit := time.After(readLimit)
	for count := o.number("count", 0); count > 0; count-- {
		select {
		case m := <-messages.Messages():
			emitRecord(received(m))
		case err := <-messages.Errors():
			return err
		case <-limit:
			return fmt.Errorf("%d records did not come", count)
		}
	}
	return nil
}

// Setup, Cleanup and ConsumeClaim are how a sarama group calls its member.
func (d *driver) Setup(session sarama.ConsumerGroupSession) error {
	d.session <- session
	return nil
}

func (d *driver) Cleanup(sarama.ConsumerGroupSession) error {
	<-d.session
	return nil
}

func (d *driver) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	d.member.change([]int{int(c.Partition())}, nil)
	for m := range c.Messages() {
		d.member.tell(received(m))
	}
	d.member.change(nil, []int{int(c.Partition())})
	return nil
}

func (d *driver) join(o options) error {
	c := configuration()
	c.Consumer.Group.Session.Timeout = o.millis("session_ms", 10000)
	c.Consumer.Group.Heartbeat.Interval = o.heartbeat()
	c.Consumer.Group.InstanceId = o["instance"]
	strategy := sarama.NewBalanceStrategyRange()
	if o.cooperative() {
		strategy = sarama.NewBalanceStrategyCooperativeSticky()
	}
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	group, err := sarama.NewConsumerGroup([]string{d.address}, o["group"], c)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	d.group, d.stop, d.topic, d.member = group, stop, o["topic"], newMember(o)
	d.session = make(chan sarama.ConsumerGroupSession, 1)
	d.stopped = make(chan struct{})
	go func() {
		for err := range group.Errors() {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	go func() {
		defer close(d.stopped)
		for ctx.Err() == nil {
			if err := group.Consume(ctx, []string{d.topic}, d); err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, err)
				time.Sleep(100 * time.Millisecond)
			}
		}
	}()
	return nil
}

func (d *driver) commit() error {
	session := <-d.session
	for partition, offset := range d.member.positions() {
		session.MarkOffset(d.topic, int32(partition), offset, "")
	}
	session.Commit()
	d.session <- session
	return nil
}

func (d *driver) leave() error {
	d.stop()
	<-d.stopped
	return d.group.Close()
}

func main() { serve(&driver{address: os.Args[1]}) }
