// Goal: bytes of every message in every version, made by Apache Kafka itself, for the offline test
// test/unit/protocol/vectors_test.cc.
//
// Method: Kafka's generated *Data classes publish a Schema per version. This program walks each
// one with a seeded random source, writes the bytes by the schema, reads them with the generated
// class and writes them again by that class, so a vector is what Kafka really sends (tagged fields
// at their default left out, for instance). One line per vector: "Fetch request 12 <hex>".
//
// Run by record.sh; arguments: output directory, then API names ("Fetch").
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.MemoryRecords;

public class RecordVectors {
  // How much of a message is filled: nothing that may be left out, everything, or by chance.
  enum Fill { BARE, FULL, RANDOM }

  static final Fill[] FILLS = {Fill.BARE, Fill.FULL, Fill.RANDOM, Fill.RANDOM, Fill.RANDOM};

  private final Random random;
  private final Fill fill;

  RecordVectors(Random random, Fill fill) {
    this.random = random;
    this.fill = fill;
  }

  public static void main(String[] arguments) throws Exception {
    Path directory = Paths.get(arguments[0]);
    for (String api : Arrays.asList(arguments).subList(1, arguments.length)) {
      String file = api.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase() + ".txt";
      try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(directory.resolve(file)))) {
        record(out, api, "Request");
        record(out, api, "Response");
      }
    }
    try (PrintWriter out =
        new PrintWriter(Files.newBufferedWriter(directory.resolve("header_versions.txt")))) {
      recordHeaderVersions(out);
    }
  }

  static void record(PrintWriter out, String api, String kind) throws Exception {
    Class<?> type = Class.forName("org.apache.kafka.common.message." + api + kind + "Data");
    Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
    for (short version = 0; version < schemas.length; version++) {
      if (schemas[version] == null) continue;
      for (int number = 0; number < FILLS.length; number++) {
        Random random = new Random((api + kind).hashCode() * 1000L + version * 10L + number);
        byte[] bytes =
            new RecordVectors(random, FILLS[number]).draw(type, schemas[version], version);
        out.println(
            api + " " + kind.toLowerCase() + " " + version + " " + HexFormat.of().formatHex(bytes));
      }
    }
  }

  byte[] draw(Class<?> type, Schema schema, short version) throws Exception {
    Struct struct = struct(schema, 0);
    ByteBuffer raw = ByteBuffer.allocate(schema.sizeOf(struct));
    schema.write(raw, struct);
    raw.flip();
    Message message = (Message) type.getDeclaredConstructor().newInstance();
    message.read(new ByteBufferAccessor(raw), version);
    if (raw.hasRemaining()) throw new IllegalStateException(type + " left bytes unread");
    ByteBuffer canonical = MessageUtil.toByteBuffer(message, version);
    byte[] bytes = new byte[canonical.remaining()];
    canonical.get(bytes);
    return bytes;
  }

  private Struct struct(Schema schema, int depth) {
    Struct struct = new Struct(schema);
    for (BoundField field : schema.fields()) {
      struct.set(field, value(field.def.type, depth));
    }
    return struct;
  }

  private Object value(Type type, int depth) {
    if (type instanceof Schema) return struct((Schema) type, depth + 1);
    if (type instanceof TaggedFields) return tagged((TaggedFields) type, depth);
    boolean absent = fill == Fill.BARE || (fill == Fill.RANDOM && random.nextInt(4) == 0);
    if (type.isNullable() && absent) return null;
    if (type.isArray()) {
      int limit = Math.max(1, 3 - depth);
      int count = fill == Fill.BARE ? 0 : fill == Fill.FULL ? limit : random.nextInt(limit + 1);
      Object[] elements = new Object[count];
      for (int i = 0; i < count; i++) {
        elements[i] = value(type.arrayElementType().get(), depth + 1);
      }
      return elements;
    }
    return primitive(type);
  }

  private Map<Integer, Object> tagged(TaggedFields type, int depth) {
    Map<Integer, Object> values = new TreeMap<>();
    fieldsOf(type).forEach((tag, field) -> {
      if (fill == Fill.FULL || (fill == Fill.RANDOM && random.nextBoolean())) {
        values.put(tag, value(field.type, depth));
      }
    });
    return values;
  }

  @SuppressWarnings("unchecked")
  private static Map<Integer, Field> fieldsOf(TaggedFields type) {
    try {
      java.lang.reflect.Field fields = TaggedFields.class.getDeclaredField("fields");
      fields.setAccessible(true);
      return (Map<Integer, Field>) fields.get(type);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private Object primitive(Type type) {
    switch (type.toString()) {
      case "BOOLEAN": return random.nextBoolean();
      case "INT8": return (byte) random.nextInt();
      case "INT16": return (short) random.nextInt();
      case "UINT16": return random.nextInt(65536);
      case "INT32": return random.nextInt();
      case "UINT32": return random.nextInt() & 0xffffffffL;
      case "INT64": return random.nextLong();
      case "FLOAT64": return random.nextGaussian();
      case "UUID": return new Uuid(random.nextLong(), random.nextLong());
      case "STRING", "COMPACT_STRING", "NULLABLE_STRING", "COMPACT_NULLABLE_STRING":
        return text();
      case "BYTES", "COMPACT_BYTES", "NULLABLE_BYTES", "COMPACT_NULLABLE_BYTES":
        return ByteBuffer.wrap(bytes());
      case "RECORDS", "COMPACT_RECORDS":
        return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes()));
      default: throw new IllegalStateException("no values for type " + type);
    }
  }

  // Mostly short; now and then beyond 127 bytes, where a compact length takes two.
  private int length() {
    if (fill == Fill.BARE) return 0;
    return random.nextInt(40) == 0 ? 120 + random.nextInt(20) : random.nextInt(9);
  }

  private String text() {
    List<String> alphabet = List.of("a", "b", "z", "-", ".", "_", "7", "é", "カ");
    StringBuilder text = new StringBuilder();
    for (int left = length(); left > 0; left--) {
      text.append(alphabet.get(random.nextInt(alphabet.size())));
    }
    return text.toString();
  }

  private byte[] bytes() {
    byte[] bytes = new byte[length()];
    random.nextBytes(bytes);
    return bytes;
  }

  // One line per API and version in ZooKeeper mode: "1 Fetch 12 2 1" (request, response header).
  static void recordHeaderVersions(PrintWriter out) {
    for (ApiKeys api : ApiKeys.zkBrokerApis()) {
      for (short version = api.oldestVersion(); version <= api.latestVersion(); version++) {
        out.println(api.id + " " + api.name + " " + version + " "
            + api.requestHeaderVersion(version) + " " + api.responseHeaderVersion(version));
      }
    }
  }
}
