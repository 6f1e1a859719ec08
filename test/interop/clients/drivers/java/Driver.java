import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Apache Kafka's own Java client, from 2.4 on: driver_process.py has the lines it speaks. */
public class Driver {
  private static final String END = "end of input";
  private static final int SHOWN_BYTES = 64;
  private static final Duration READ_LIMIT = Duration.ofSeconds(30);

  private final String address;
  private final TreeSet<Integer> owned = new TreeSet<>();
  private final Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
  private KafkaConsumer<byte[], byte[]> member;
  private int left;

  private Driver(String address) {
    this.address = address;
  }

  public static void main(String[] arguments) throws Exception {
    BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    Thread reader =
        new Thread(
            () -> {
              new BufferedReader(new InputStreamReader(System.in)).lines().forEach(lines::add);
              lines.add(END);
            });
    reader.setDaemon(true);
    reader.start();
    Driver driver = new Driver(arguments[0]);
    while (true) {
      String line = driver.member == null ? lines.take() : lines.poll();
      if (END.equals(line)) {
        System.exit(0);
      }
      try {
        if (line == null) {
          driver.poll();
        } else {
          driver.run(line);
        }
      } catch (Exception e) {
        e.printStackTrace();
        say("error", "\"kind\": \"other\", \"text\": " + quoted(e.toString()));
      }
    }
  }

  private void run(String line) throws Exception {
    String[] words = line.split(" ");
    Map<String, String> options = new HashMap<>();
    for (String word : Arrays.asList(words).subList(1, words.length)) {
      String[] pair = word.split("=", 2);
      options.put(pair[0], pair[1]);
    }
    switch (words[0]) {
      case "produce" -> produce(options);
      case "read" -> read(options);
      case "join" -> join(options);
      case "commit" -> {
        member.commitSync(next);
        say("committed", "");
      }
      case "leave" -> {
        member.close();
        member = null;
        say("left", "");
      }
      default -> throw new IllegalArgumentException(line);
    }
  }

  private static void say(String event, String fields) {
    String rest = fields.isEmpty() ? "" : ", " + fields;
    System.out.println("{\"event\": \"" + event + "\"" + rest + "}");
  }

  private static String quoted(String text) {
    String plain = text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ");
    return "\"" + plain + "\"";
  }

  private static String quoted(byte[] data) {
    if (data == null) {
      return "null";
    }
    int shown = Math.min(data.length, SHOWN_BYTES);
    return quoted(new String(data, 0, shown, StandardCharsets.UTF_8));
  }

  private static void tell(ConsumerRecord<byte[], byte[]> record) {
    List<String> headers = new ArrayList<>();
    for (Header header : record.headers()) {
      headers.add("[" + quoted(header.key()) + ", " + quoted(header.value()) + "]");
    }
    say(
        "record",
        "\"p\": " + record.partition() + ", \"o\": " + record.offset()
            + ", \"k\": " + quoted(record.key()) + ", \"v\": " + quoted(record.value())
            + ", \"n\": " + (record.value() == null ? 0 : record.value().length)
            + ", \"h\": " + headers);
  }

  private Properties settings(Object... pairs) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", address);
    for (int i = 0; i < pairs.length; i += 2) {
      settings.put(pairs[i], pairs[i + 1]);
    }
    return settings;
  }

  private void produce(Map<String, String> options) throws Exception {
    Properties settings =
        settings(
            "acks", "all",
            "linger.ms", "5",
            "compression.type", options.getOrDefault("codec", "none"),
            "enable.idempotence", String.valueOf(options.containsKey("idempotent")),
            "max.request.size", options.getOrDefault("max_bytes", "1048576"),
            "max.block.ms", options.getOrDefault("timeout_ms", "30000"));
    String topic = options.get("topic");
    ByteArraySerializer bytes = new ByteArraySerializer();
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, bytes, bytes)) {
      List<Future<RecordMetadata>> results = new ArrayList<>();
      for (int i = 0; i < Integer.parseInt(options.get("count")); i++) {
        results.add(producer.send(record(options, topic, i)));
      }
      producer.flush();
      for (Future<RecordMetadata> result : results) {
        result.get();
      }
      say("produced", "");
    } catch (ExecutionException e) {
      String kind = kindOf(e.getCause(), topic);
      say("error", "\"kind\": \"" + kind + "\", \"text\": " + quoted(e.getCause().toString()));
    }
  }

  private static ProducerRecord<byte[], byte[]> record(
      Map<String, String> options, String topic, int number) {
    byte[] value = null;
    if (!options.containsKey("tombstone")) {
      byte[] text = (options.getOrDefault("prefix", "") + number).getBytes();
      int size = Integer.parseInt(options.getOrDefault("size", "0"));
      value = Arrays.copyOf(text, Math.max(size, text.length));
      Arrays.fill(value, text.length, value.length, (byte) '.');
    }
    int partition = Integer.parseInt(options.get("partition"));
    ProducerRecord<byte[], byte[]> record =
        new ProducerRecord<>(topic, partition, ("k" + number).getBytes(), value);
    if (options.containsKey("headers")) {
      for (String header : options.get("headers").split(",")) {
        String[] pair = header.split(":");
        record.headers().add(pair[0], pair[1].getBytes());
      }
    }
    return record;
  }

  private String kindOf(Throwable error, String topic) {
    if (error instanceof RecordTooLargeException) {
      return "too_large";
    }
    boolean unknown =
        error instanceof UnknownTopicOrPartitionException
            || (error instanceof TimeoutException && isUnknown(topic));
    return unknown ? "unknown_topic" : "other";
  }

  /** send() only says that it waited for metadata; what is wrong with the topic is asked anew. */
  private boolean isUnknown(String topic) {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    try (Admin admin = Admin.create(settings())) {
      admin.describeConfigs(Collections.singleton(resource)).all().get();
      return false;
    } catch (ExecutionException e) {
      return e.getCause() instanceof UnknownTopicOrPartitionException;
    } catch (InterruptedException e) {
      return false;
    }
  }

  private KafkaConsumer<byte[], byte[]> consumer(Properties settings) {
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "earliest");
    ByteArrayDeserializer bytes = new ByteArrayDeserializer();
    return new KafkaConsumer<>(settings, bytes, bytes);
  }

  private void read(Map<String, String> options) {
    String limit = options.getOrDefault("max_bytes", "1048576");
    TopicPartition partition =
        new TopicPartition(options.get("topic"), Integer.parseInt(options.get("partition")));
    int count = Integer.parseInt(options.get("count"));
    try (KafkaConsumer<byte[], byte[]> consumer =
        consumer(settings("max.partition.fetch.bytes", limit))) {
      consumer.assign(Collections.singleton(partition));
      if (options.containsKey("time_ms")) {
        long time = Long.parseLong(options.get("time_ms"));
        consumer.seek(
            partition,
            consumer.offsetsForTimes(Collections.singletonMap(partition, time))
                .get(partition)
                .offset());
      } else {
        consumer.seekToBeginning(Collections.singleton(partition));
      }
      long deadline = System.nanoTime() + READ_LIMIT.toNanos();
      while (count > 0 && System.nanoTime() < deadline) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
          tell(record);
          count--;
        }
      }
    }
    if (count > 0) {
      throw new IllegalStateException(count + " records did not come");
    }
    say("read", "");
  }

  private void join(Map<String, String> options) {
    int session = Integer.parseInt(options.getOrDefault("session_ms", "10000"));
    String assignor =
        "cooperative".equals(options.get("protocol"))
            ? "CooperativeStickyAssignor"
            : "RangeAssignor";
    Properties settings =
        settings(
            "group.id", options.get("group"),
            "session.timeout.ms", String.valueOf(session),
            "heartbeat.interval.ms", String.valueOf(Math.min(500, session / 3)),
            "partition.assignment.strategy", "org.apache.kafka.clients.consumer." + assignor);
    if (options.containsKey("instance")) {
      settings.put("group.instance.id", options.get("instance"));
    }
    left = Integer.parseInt(options.getOrDefault("limit", String.valueOf(Integer.MAX_VALUE)));
    member = consumer(settings);
    member.subscribe(Collections.singleton(options.get("topic")), new Changes());
  }

  private class Changes implements ConsumerRebalanceListener {
    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> added) {
      added.forEach(partition -> owned.add(partition.partition()));
      tellOwned();
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> gone) {
      gone.forEach(partition -> owned.remove(partition.partition()));
      tellOwned();
    }

    private void tellOwned() {
      String numbers = owned.stream().map(String::valueOf).collect(Collectors.joining(", "));
      say("owned", "\"partitions\": [" + numbers + "]");
    }
  }

  private void poll() {
    for (ConsumerRecord<byte[], byte[]> record : member.poll(Duration.ofMillis(100))) {
      if (left == 0) {
        return;
      }
      left--;
      tell(record);
      next.put(
          new TopicPartition(record.topic(), record.partition()),
          new OffsetAndMetadata(record.offset() + 1));
    }
  }
}
