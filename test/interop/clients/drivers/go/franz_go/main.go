// franz-go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

type franz struct {
	address string
	group   *kgo.Client
	member  *member
	topic   string
}

func codec(name string) kgo.CompressionCodec {
	switch name {
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression()
	case "zstd":
		return kgo.ZstdCompression()
	}
	return kgo.NoCompression()
}

func meaning(err error) error {
	switch {
	case errors.Is(err, kerr.MessageTooLarge):
		return refusal{"too_large", err.Error()}
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return refusal{"unknown_topic", err.Error()}
	}
	return err
}

func (f *franz) client(more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(f.address)}, more...)...)
}

func (f *franz) produce(o options) error {
	settings := []kgo.Opt{
		kgo.ProducerBatchCompression(codec(o["codec"])),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(int32(o.number("max_bytes", 1000012))),
		kgo.ProducerLinger(5 * time.Millisecond),
	}
	if _, idempotent := o["idempotent"]; !idempotent {
		settings = append(settings, kgo.DisableIdempotentWrite())
	}
	producer, err := f.client(settings...)
	if err != nil {
		return err
	}
	defer producer.Close()
	var batch []*kgo.Record
	for _, r := range o.records() {
		each := &kgo.Record{
			Topic: o["topic"], Partition: int32(o.number("partition", 0)), Key: r.key, Value: r.value,
		}
		for _, h := range r.headers {
			each.Headers = append(each.Headers, kgo.RecordHeader{Key: h.name, Value: h.value})
		}
		batch = append(batch, each)
	}
	return meaning(producer.ProduceSync(context.Background(), batch...).FirstErr())
}

func received(r *kgo.Record) record {
	told := record{partition: int(r.Partition), offset: r.Offset, key: r.Key, value: r.Value}
	for _, h := range r.Headers {
		told.headers = append(told.headers, header{h.Key, h.Value})
	}
	return told
}

func (f *franz) read(o options) error {
	start := kgo.NewOffset().AtStart()
	if o["time_ms"] != "" {
		start = kgo.NewOffset().AfterMilli(int64(o.number("time_ms", 0)))
	}
	consumer, err := f.client(
		kgo.FetchMaxPartitionBytes(int32(o.number("max_bytes", 1<<20))),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			o["topic"]: {int32(o.number("partition", 0)): start},
		}))
	if err != nil {
		return err
	}
	defer consumer.Close()
	ctx, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	for count := o.number("count", 0); count > 0; {
		fetches := consumer.PollFetches(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("%d records did not come: %w", count, errors.Join(fetches.Err0(), ctx.Err()))
		}
		fetches.EachRecord(func(r *kgo.Record) {
			emitRecord(received(r))
			count--
		})
	}
	return nil
}

func numbers(partitions map[string][]int32) (all []int) {
	for _, each := range partitions {
		for _, partition := range each {
			all = append(all, int(partition))
		}
	}
	return all
}

func (f *franz) join(o options) error {
	f.member, f.topic = newMember(o), o["topic"]
	gone := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		f.member.change(nil, numbers(partitions))
	}
	balancer := kgo.RangeBalancer()
	if o.cooperative() {
		balancer = kgo.CooperativeStickyBalancer()
	}
	settings := []kgo.Opt{
		kgo.ConsumerGroup(o["group"]),
		kgo.ConsumeTopics(o["topic"]),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(o.millis("session_ms", 10000)),
		kgo.HeartbeatInterval(o.heartbeat()),
		kgo.Balancers(balancer),
		kgo.OnPartitionsAssigned(
			func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
				f.member.change(numbers(partitions), nil)
			}),
		kgo.OnPartitionsRevoked(gone),
		kgo.OnPartitionsLost(gone),
	}
	if o["instance"] != "" {
		settings = append(settings, kgo.InstanceID(o["instance"]))
	}
	group, err := f.client(settings...)
	if err != nil {
		return err
	}
	f.group = group
	go func() {
		for {
			fetches := group.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			fetches.EachRecord(func(r *kgo.Record) { f.member.tell(received(r)) })
		}
	}()
	return nil
}

func (f *franz) commit() error {
	offsets := map[string]map[int32]kgo.EpochOffset{f.topic: {}}
	for partition, offset := range f.member.positions() {
		offsets[f.topic][int32(partition)] = kgo.EpochOffset{Epoch: -1, Offset: offset}
	}
	var failure error
	f.group.CommitOffsetsSync(context.Background(), offsets,
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, got *kmsg.OffsetCommitResponse, err error) {
			failure = err
			if err == nil {
				failure = kerr.ErrorForCode(got.Topics[0].Partitions[0].ErrorCode)
			}
		})
	return failure
}

func (f *franz) leave() error {
	f.group.Close()
	return nil
}

func main() { serve(&franz{address: os.Args[1]}) }
