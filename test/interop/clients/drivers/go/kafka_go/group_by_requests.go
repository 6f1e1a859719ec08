package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"time"

	"github.com/segmentio/kafka-go"
)

// kafka-go's ConsumerGroup knows neither cooperative rebalancing nor static members; its Client has
// the requests for both. membership is a group member made of these, for one topic.
type membership struct {
	driver   *driver
	options  options
	client   *kafka.Client
	protocol string
	id       string
	number   int
	owned    map[int]context.CancelFunc
	stop     chan struct{}
	stopped  chan struct{}
}

const (
	partitions       = 4
	rebalanceTimeout = 20 * time.Second
	requestTimeout   = 30 * time.Second
)

func joinByRequests(d *driver, o options) *membership {
	m := &membership{
		driver: d, options: o, protocol: "range", owned: map[int]context.CancelFunc{},
		client: &kafka.Client{Addr: kafka.TCP(d.address), Timeout: requestTimeout},
		stop:   make(chan struct{}), stopped: make(chan struct{}),
	}
	if o.cooperative() {
		m.protocol = "cooperative-sticky"
	}
	go m.run()
	return m
}

func (m *membership) run() {
	defer close(m.stopped)
	for {
		again, err := m.join()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			if errors.Is(err, kafka.UnknownMemberId) {
				m.give(m.all())
				m.id = ""
			}
			again = true
		}
		if !again && !m.beat() {
			return
		}
	}
}

// all are the partitions that are owned.
func (m *membership) all() (all []int) {
	for partition := range m.owned {
		all = append(all, partition)
	}
	sort.Ints(all)
	return all
}

func (m *membership) give(gone []int) {
	if len(gone) == 0 {
		return
	}
	for _, partition := range gone {
		m.owned[partition]()
		delete(m.owned, partition)
	}
	m.driver.member.change(nil, gone)
}

func (m *membership) take(added []int) {
	for _, partition := range added {
		ctx, cancel := context.WithCancel(context.Background())
		m.owned[partition] = cancel
		go m.driver.follow(ctx, m.options["topic"], partition, kafka.FirstOffset)
	}
	m.driver.member.change(added, nil)
}

// join goes through one rebalance. It says whether partitions were given up, so that the next one
// can hand them to their new owner.
func (m *membership) join() (again bool, err error) {
	ctx, topic := context.Background(), m.options["topic"]
	if !m.options.cooperative() {
		m.give(m.all())
	}
	subscription := kafka.GroupProtocolSubscription{
		Topics: []string{topic}, OwnedPartitions: map[string][]int{topic: m.all()},
	}
	joined, err := m.client.JoinGroup(ctx, &kafka.JoinGroupRequest{
		GroupID: m.options["group"], MemberID: m.id, GroupInstanceID: m.options["instance"],
		SessionTimeout: m.options.millis("session_ms", 10000), RebalanceTimeout: rebalanceTimeout,
		ProtocolType: "consumer",
		Protocols:    []kafka.GroupProtocol{{Name: m.protocol, Metadata: subscription}},
	})
	if err != nil {
		return false, err
	}
	if errors.Is(joined.Error, kafka.MemberIDRequired) {
		m.id = joined.MemberID
		return true, nil
	}
	if joined.Error != nil {
		return false, joined.Error
	}
	m.id, m.number = joined.MemberID, joined.GenerationID
	request := m.syncRequest()
	if joined.LeaderID == m.id {
		request.Assignments = m.assign(joined.Members)
	}
	synced, err := m.client.SyncGroup(ctx, request)
	if err == nil {
		err = synced.Error
	}
	if errors.Is(err, kafka.RebalanceInProgress) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return m.reconcile(synced.Assignment.AssignedPartitions[topic]), nil
}

func (m *membership) syncRequest() *kafka.SyncGroupRequest {
	return &kafka.SyncGroupRequest{
		GroupID: m.options["group"], GenerationID: m.number, MemberID: m.id,
		GroupInstanceID: m.options["instance"], ProtocolType: "consumer", ProtocolName: m.protocol,
	}
}

func (m *membership) reconcile(assigned []int) (gaveUp bool) {
	var gone, added []int
	for _, partition := range m.all() {
		if !slices.Contains(assigned, partition) {
			gone = append(gone, partition)
		}
	}
	for _, partition := range assigned {
		if m.owned[partition] == nil {
			added = append(added, partition)
		}
	}
	m.give(gone)
	m.take(added)
	return len(gone) > 0
}

// assign is the leader's part: everybody keeps up to an equal share of what it owns; a partition
// that somebody still owns beyond that is given to nobody until the next rebalance.
func (m *membership) assign(members []kafka.JoinGroupResponseMember) (
	all []kafka.SyncGroupRequestAssignment,
) {
	topic := m.options["topic"]
	sort.Slice(members, func(i, j int) bool { return members[i].ID < members[j].ID })
	share := (partitions + len(members) - 1) / len(members)
	held, shares := map[int]bool{}, make([][]int, len(members))
	for i, each := range members {
		for _, partition := range each.Metadata.OwnedPartitions[topic] {
			held[partition] = true
			if len(shares[i]) < share {
				shares[i] = append(shares[i], partition)
			}
		}
	}
	for partition := range partitions {
		if held[partition] {
			continue
		}
		least := 0
		for i := range shares {
			if len(shares[i]) < len(shares[least]) {
				least = i
			}
		}
		shares[least] = append(shares[least], partition)
	}
	for i, each := range members {
		all = append(all, kafka.SyncGroupRequestAssignment{
			MemberID: each.ID,
			Assignment: kafka.GroupProtocolAssignment{
				AssignedPartitions: map[string][]int{topic: shares[i]},
			},
		})
	}
	return all
}

// beat shows that it lives until a rebalance is due (true) or the member leaves (false). It does
// so by SyncGroup, which counts as a heartbeat: kafka-go's Heartbeat writes its strings in the old
// form in version 4 too (protocol/heartbeat/heartbeat.go lacks "compact"), and brokers refuse that.
func (m *membership) beat() bool {
	ticks := time.NewTicker(m.options.heartbeat())
	defer ticks.Stop()
	for {
		select {
		case <-m.stop:
			return false
		case <-ticks.C:
		}
		response, err := m.client.SyncGroup(context.Background(), m.syncRequest())
		if err == nil {
			err = response.Error
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return true
		}
	}
}

func (m *membership) commit(map[int]int64) error {
	return errors.New("commits are ConsumerGroup's")
}

func (m *membership) leave() error {
	close(m.stop)
	<-m.stopped
	m.give(m.all())
	response, err := m.client.LeaveGroup(context.Background(), &kafka.LeaveGroupRequest{
		GroupID: m.options["group"],
		Members: []kafka.LeaveGroupRequestMember{{ID: m.id, GroupInstanceID: m.options["instance"]}},
	})
	if err != nil {
		return err
	}
	return response.Error
}
