// The driver's side of the lines in driver_process.py, shared by the drivers in Go.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	shownBytes = 64
	readLimit  = 30 * time.Second
)

// refusal is an error of the client whose meaning is known.
type refusal struct{ kind, text string }

func (r refusal) Error() string { return r.text }

type options map[string]string

func (o options) text(name, other string) string {
	if value, ok := o[name]; ok {
		return value
	}
	return other
}

func (o options) number(name string, other int) int {
	if value, ok := o[name]; ok {
		number, err := strconv.Atoi(value)
		if err != nil {
			panic(err)
		}
		return number
	}
	return other
}

func (o options) millis(name string, other int) time.Duration {
	return time.Duration(o.number(name, other)) * time.Millisecond
}

func (o options) cooperative() bool { return o["protocol"] == "cooperative" }

// heartbeat is several times shorter than the session, and short enough for a test.
func (o options) heartbeat() time.Duration {
	return min(500*time.Millisecond, o.millis("session_ms", 10000)/3)
}

type header struct {
	name  string
	value []byte
}

func (o options) headers() (all []header) {
	if o["headers"] == "" {
		return nil
	}
	for _, each := range strings.Split(o["headers"], ",") {
		name, value, _ := strings.Cut(each, ":")
		all = append(all, header{name, []byte(value)})
	}
	return all
}

type record struct {
	partition  int
	offset     int64
	key, value []byte
	headers    []header
}

// records are what `produce` asks for.
func (o options) records() (all []record) {
	for i := range o.number("count", 0) {
		each := record{key: []byte(fmt.Sprintf("k%d", i)), headers: o.headers()}
		if _, tombstone := o["tombstone"]; !tombstone {
			value := fmt.Sprintf("%s%d", o["prefix"], i)
			padding := max(0, o.number("size", 0)-len(value))
			each.value = []byte(value + strings.Repeat(".", padding))
		}
		all = append(all, each)
	}
	return all
}

var printing sync.Mutex

func emit(event string, fields map[string]any) {
	whole := map[string]any{"event": event}
	for name, value := range fields {
		whole[name] = value
	}
	line, err := json.Marshal(whole)
	if err != nil {
		panic(err)
	}
	printing.Lock()
	defer printing.Unlock()
	fmt.Println(string(line))
}

func shown(data []byte) any {
	if data == nil {
		return nil
	}
	return string(data[:min(len(data), shownBytes)])
}

func emitRecord(r record) {
	pairs := [][]any{}
	for _, each := range r.headers {
		pairs = append(pairs, []any{each.name, shown(each.value)})
	}
	emit("record", map[string]any{
		"p": r.partition, "o": r.offset, "k": shown(r.key), "v": shown(r.value),
		"n": len(r.value), "h": pairs,
	})
}

func emitError(err error) {
	kind := "other"
	if known, ok := err.(refusal); ok {
		kind = known.kind
	}
	emit("error", map[string]any{"kind": kind, "text": err.Error()})
}

// member keeps what a group member owns and how far it has told of records.
type member struct {
	mutex sync.Mutex
	owned map[int]bool
	next  map[int]int64
	left  int
}

func newMember(o options) *member {
	return &member{owned: map[int]bool{}, next: map[int]int64{}, left: o.number("limit", -1)}
}

func (m *member) change(added, gone []int) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, partition := range added {
		m.owned[partition] = true
	}
	for _, partition := range gone {
		delete(m.owned, partition)
	}
	all := []int{}
	for partition := range m.owned {
		all = append(all, partition)
	}
	sort.Ints(all)
	emit("owned", map[string]any{"partitions": all})
}

// tell reports a record, unless the limit is reached.
func (m *member) tell(r record) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.left == 0 {
		return
	}
	m.left--
	m.next[r.partition] = r.offset + 1
	emitRecord(r)
}

func (m *member) positions() map[int]int64 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	copied := map[int]int64{}
	for partition, offset := range m.next {
		copied[partition] = offset
	}
	return copied
}

// client is what each driver implements; join starts goroutines and returns.
type client interface {
	produce(o options) error
	read(o options) error
	join(o options) error
	commit() error
	leave() error
}

func serve(c client) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		o := options{}
		for _, word := range words[1:] {
			name, value, _ := strings.Cut(word, "=")
			o[name] = value
		}
		var err error
		answer := ""
		switch words[0] {
		case "produce":
			answer, err = "produced", c.produce(o)
		case "read":
			answer, err = "read", c.read(o)
		case "join":
			err = c.join(o)
		case "commit":
			answer, err = "committed", c.commit()
		case "leave":
			answer, err = "left", c.leave()
		}
		if err != nil {
			emitError(err)
		} else if answer != "" {
			emit(answer, nil)
		}
	}
}
