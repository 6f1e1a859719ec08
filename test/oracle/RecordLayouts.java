// Goal: the shape of every message as Apache Kafka defines it, for schema_test.py in
// test/unit/protocol.
// Bytes alone would not show two neighbouring fields of one type whose names are swapped, nor a
// wrong default.
//
// Writes layouts.txt. Per message and version, every field in wire order:
//   Fetch request 16 max_wait_ms:int32 ... topics:[](topic_id:uuid ...) replica_state@1:(...)
// (@N: tag; ?: may be null), and per class the values of a new object:
//   Fetch request default FetchPartition logStartOffset=-1 ...
//
// Run by record.sh; arguments: output directory, then API names ("Fetch").
import java.io.PrintWriter;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;

public class RecordLayouts {
  // Members that the generated classes have besides the message's fields.
  static final Set<String> PLUMBING = Set.of("_unknownTaggedFields", "next", "prev");

  public static void main(String[] arguments) throws Exception {
    try (PrintWriter out = new PrintWriter(
        Files.newBufferedWriter(Paths.get(arguments[0]).resolve("layouts.txt")))) {
      for (String api : Arrays.asList(arguments).subList(1, arguments.length)) {
        for (String kind : List.of("Request", "Response")) {
          record(out, api, kind);
        }
      }
    }
  }

  static void record(PrintWriter out, String api, String kind) throws Exception {
    Class<?> type = Class.forName("org.apache.kafka.common.message." + api + kind + "Data");
    String prefix = api + " " + kind.toLowerCase() + " ";
    Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
    for (int version = 0; version < schemas.length; version++) {
      if (schemas[version] != null) {
        out.println((prefix + version + " " + fields(schemas[version])).trim());
      }
    }
    List<Class<?>> classes = new ArrayList<>();
    classes.add(type);
    for (Class<?> nested : type.getDeclaredClasses()) {
      if (!Collection.class.isAssignableFrom(nested)) classes.add(nested);
    }
    classes.sort((a, b) -> a.getSimpleName().compareTo(b.getSimpleName()));
    for (Class<?> each : classes) {
      String name = each == type ? api + kind : each.getSimpleName();
      out.println((prefix + "default " + name + " " + defaults(each)).trim());
    }
  }

  static String fields(Schema schema) throws Exception {
    StringBuilder text = new StringBuilder();
    for (BoundField field : schema.fields()) {
      if (field.def.type instanceof TaggedFields) {
        for (var tagged : new TreeMap<>(fieldsOf((TaggedFields) field.def.type)).entrySet()) {
          text.append(' ').append(tagged.getValue().name).append('@').append(tagged.getKey())
              .append(':').append(type(tagged.getValue().type));
        }
      } else {
        text.append(' ').append(field.def.name).append(':').append(type(field.def.type));
      }
    }
    return text.toString().trim();
  }

  static String type(Type type) throws Exception {
    if (type instanceof Schema) return "(" + fields((Schema) type) + ")";
    String mark = type.isNullable() ? "?" : "";
    if (type.isArray()) return mark + "[]" + type(type.arrayElementType().get());
    String name = type.toString().replace("COMPACT_", "").replace("NULLABLE_", "");
    return mark + (name.equals("BOOLEAN") ? "bool" : name.toLowerCase());
  }

  @SuppressWarnings("unchecked")
  static java.util.Map<Integer, org.apache.kafka.common.protocol.types.Field> fieldsOf(
      TaggedFields type) throws Exception {
    java.lang.reflect.Field fields = TaggedFields.class.getDeclaredField("fields");
    fields.setAccessible(true);
    return (java.util.Map<Integer, org.apache.kafka.common.protocol.types.Field>) fields.get(type);
  }

  static String defaults(Class<?> type) throws Exception {
    Object object = type.getDeclaredConstructor().newInstance();
    StringBuilder text = new StringBuilder();
    for (java.lang.reflect.Field field : type.getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers()) || PLUMBING.contains(field.getName())) continue;
      field.setAccessible(true);
      Object value = field.get(object);
      String shown = String.valueOf(value);
      if (value instanceof byte[]) shown = "";
      if (value instanceof Collection) shown = "[]";
      if (value != null && value.getClass().getEnclosingClass() != null
          && !(value instanceof Collection)) shown = "struct";
      text.append(' ').append(field.getName()).append('=').append(shown);
    }
    return text.toString().trim();
  }
}
