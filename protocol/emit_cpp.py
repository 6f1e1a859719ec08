"""Turns a parsed schema (schema_language.py) into the C++ header and source of one API."""

from schema_language import OPEN_END, SchemaError, Versions

INTEGERS = {
    'int8': ('std::int8_t', 1), 'int16': ('std::int16_t', 2), 'int32': ('std::int32_t', 4),
    'int64': ('std::int64_t', 8), 'uint16': ('std::uint16_t', 2), 'uint32': ('std::uint32_t', 4)}
FIXED_SIZES = {'bool': 1, 'float64': 8, 'uuid': 16} | {
    name: size for name, (_, size) in INTEGERS.items()}
# Names that a generated function uses itself: a field of that name is reached through this->.
LOCAL_NAMES = {'reader', 'writer', 'version', 'flexible', 'size', 'count', 'list', 'tag', 'tags',
               'value_size', 'element'}


def condition(versions, context):
    """The C++ test that `version`, known to be in context, is in versions; '' if always true."""
    parts = []
    if versions.low == versions.high and context.low < versions.low and (
            versions.high < context.high):
        return f'version == {versions.low}'
    if versions.low > context.low:
        parts.append(f'version >= {versions.low}')
    if versions.high < context.high:
        parts.append(f'version <= {versions.high}')
    return ' && '.join(parts)


class Code:
    """Lines with braces and indentation."""

    def __init__(self):
        self.lines = []
        self.depth = 0

    def line(self, text=''):
        self.lines.append('  ' * self.depth + text if text else '')

    def open(self, text):
        self.line(text + ' {')
        self.depth += 1

    def close(self, tail=''):
        self.depth -= 1
        self.line('}' + tail)

    def extend(self, other):
        for text in other.lines:
            self.line(text)

    def text(self):
        return '\n'.join(self.lines) + '\n'


class MessageEmitter:
    """Emits one message (request or response) with its nested structs."""

    def __init__(self, api, message):
        self.api = api
        self.message = message
        self.is_response = message is api.response

    # --- Types and defaults -----------------------------------------------------------------

    def element_type(self, field):
        if field.struct:
            return field.struct.name
        if field.type in INTEGERS:
            return INTEGERS[field.type][0]
        if field.type == 'records':
            return 'RecordsField' if self.is_response else 'RecordsView'
        if field.type == 'string' and self.api.borrow:
            return 'std::string_view'
        return {'bool': 'bool', 'float64': 'double', 'uuid': 'base::Uuid', 'string': 'std::string',
                'bytes': 'std::string'}[field.type]

    def is_optional(self, field):
        # A RecordsField carries its own null.
        return field.is_nullable and not (field.type == 'records' and self.is_response)

    def field_type(self, field):
        text = self.element_type(field)
        if field.is_array:
            text = f'std::vector<{text}>'
        if self.is_optional(field):
            if field.struct and not field.is_array:
                raise SchemaError(f'{field.name}: nullable structs are not supported')
            text = f'std::optional<{text}>'
        return text

    def initializer(self, field):
        """What follows the field's name in its declaration."""
        if self.is_optional(field):
            if field.default == 'null' or field.type == 'records':
                return ''
            inner = self.field_type(field)[len('std::optional<'):-1]
            return f' = {inner}()'
        if field.is_array or field.struct or field.type in ('uuid', 'bytes', 'records'):
            return ''
        if field.type == 'string':
            return f' = {self.string_default(field)}' if self.string_default(field) != '""' else ''
        if field.type == 'bool':
            return f' = {field.default or "false"}'
        return f' = {field.default or "0"}'

    @staticmethod
    def string_default(field):
        return field.default if field.default else '""'

    @staticmethod
    def access(field):
        return f'this->{field.name}' if field.name in LOCAL_NAMES else field.name

    def default_test(self, field):
        """The C++ expression that is true when the field has its default."""
        name = self.access(field)
        if self.is_optional(field):
            if field.default == 'null' or field.type == 'records':
                return f'!{name}.has_value()'
            return f'({name}.has_value() && {name}->empty())'
        if field.is_array or field.type == 'bytes':
            return f'{name}.empty()'
        if field.type == 'string':
            default = self.string_default(field)
            return f'{name}.empty()' if default == '""' else f'{name} == {default}'
        if field.type == 'uuid':
            return f'{name}.is_zero()'
        if field.struct:
            return f'{name} == {field.struct.qualified_name}()'
        if field.type == 'records':
            return f'{name} == RecordsField()'
        if field.type == 'bool':
            return f'!{name}' if (field.default or 'false') == 'false' else name
        return f'{name} == {field.default or "0"}'

    def is_comparable(self, struct):
        return all(
            (field.type != 'records' or self.is_response) and
            (field.struct is None or self.is_comparable(field.struct)) for field in struct.fields)

    # --- Sizes ------------------------------------------------------------------------------

    def is_flexible(self, version):
        return version >= self.api.first_flexible

    def field_size_min(self, field, version):
        compact = self.is_flexible(version)
        if field.is_array or field.type in ('bytes', 'records'):
            return 1 if compact else 4
        if field.type == 'string':
            return 1 if compact else 2
        return self.element_size_min(field, version)

    def element_size_min(self, field, version):
        if field.struct:
            return self.struct_size_min(field.struct, version)
        if field.type == 'string':
            return 1 if self.is_flexible(version) else 2
        return FIXED_SIZES[field.type]

    def struct_size_min(self, struct, version):
        size = sum(self.field_size_min(field, version) for field in struct.fields
                   if field.tag is None and field.versions.low <= version <= field.versions.high)
        return size + (1 if self.is_flexible(version) else 0)

    def array_element_size_min(self, field, context):
        versions = field.versions.intersect(context)
        return max(1, min(self.element_size_min(field, version) for version in versions))

    # --- The header -------------------------------------------------------------------------

    def declare(self, code, struct):
        code.open(f'struct {struct.name}')
        if struct is self.message:
            flexible = self.api.first_flexible
            code.line(f'static constexpr std::int16_t kApiKey = {self.api.key};')
            code.line(f'static constexpr std::int16_t kMinVersion = {self.api.versions.low};')
            code.line(f'static constexpr std::int16_t kMaxVersion = {self.api.versions.high};')
            code.line('static constexpr std::int16_t kFirstFlexible = '
                      f'{"INT16_MAX" if flexible == OPEN_END else flexible};')
            code.line()
        for nested in struct.nested:
            self.declare(code, nested)
            code.line()
        for field in struct.fields:
            remark = self.version_remark(field, struct)
            code.line(f'{self.field_type(field)} {field.name}{self.initializer(field)};{remark}')
        if struct.fields:
            code.line()
        if struct is self.message:
            code.line(f'static base::Result<{struct.name}> decode(Reader& reader, '
                      'std::int16_t version);')
            code.line('void encode(Writer& writer, std::int16_t version) const;')
        code.line('std::size_t size_bytes(std::int16_t version) const;')
        code.line('void read(Reader& reader, std::int16_t version);')
        code.line('void write(Writer& writer, std::int16_t version) const;')
        if self.is_comparable(struct):
            code.line(f'friend bool operator==(const {struct.name}&, const {struct.name}&) = '
                      'default;')
        code.close(';')

    @staticmethod
    def version_remark(field, struct):
        if field.versions.contains(struct.versions):
            return ''
        low, high = field.versions.low, min(field.versions.high, struct.versions.high)
        if field.versions.high == OPEN_END:
            return f'  // v{low}+'
        return f'  // v{low}' if low == high else f'  // v{low}-{high}'

    # --- The source -------------------------------------------------------------------------

    def define(self, code):
        for struct in [*self.message.all_nested(), self.message]:
            self.define_read(code, struct)
            self.define_size(code, struct)
            self.define_write(code, struct)
        name = self.message.name
        code.open(f'base::Result<{name}> {name}::decode(Reader& reader, std::int16_t version)')
        code.open('if (version < kMinVersion || version > kMaxVersion)')
        code.line(f'return base::fail(base::Errc::unsupported, "{name} version");')
        code.close()
        code.line(f'std::expected<{name}, base::Error> message;')
        code.line('message->read(reader, version);')
        code.line('if (auto status = reader.status(); !status) {')
        code.line(f'  return base::fail(std::move(status).error().with_context("{name}"));')
        code.line('}')
        code.line('return message;')
        code.close()
        code.line()
        code.open(f'void {name}::encode(Writer& writer, std::int16_t version) const')
        code.line(f'verify_version(version >= kMinVersion && version <= kMaxVersion, "{name}", '
                  'version);')
        code.line('writer.reserve(size_bytes(version));')
        code.line('write(writer, version);')
        code.close()
        code.line()

    def declare_flexible(self, code, context):
        flexible = condition(Versions(self.api.first_flexible, OPEN_END), context)
        if self.api.first_flexible > context.high:
            code.line('[[maybe_unused]] constexpr bool flexible = false;')
        elif not flexible:
            code.line('[[maybe_unused]] constexpr bool flexible = true;')
        else:
            code.line(f'[[maybe_unused]] const bool flexible = {flexible};')

    def may_be_flexible(self, struct):
        return self.api.first_flexible <= struct.versions.high

    def if_flexible(self, struct):
        return 'if (flexible) ' if self.api.first_flexible > struct.versions.low else ''

    def return_if_not_flexible(self, code, struct, value=''):
        if self.api.first_flexible > struct.versions.low:
            code.line(f'if (!flexible) return{value};')

    @staticmethod
    def otherwise(code, test=''):
        """Closes the open block and opens its alternative."""
        code.close(f' else if ({test}) {{' if test else ' else {')
        code.depth += 1

    def emit_fields(self, code, struct, emit_present, emit_absent=None):
        """Runs emit_present for each untagged field under its version test; neighbours with the
        same test share one block. emit_absent handles the versions without the field."""
        groups = []
        for field in struct.fields:
            if field.tag is None:
                test = condition(field.versions, struct.versions)
            else:
                test = None
            if groups and groups[-1][0] == test:
                groups[-1][1].append(field)
            else:
                groups.append((test, [field]))
        for test, fields in groups:
            present, absent = Code(), Code()
            for field in fields:
                if field.tag is None:
                    emit_present(present, field)
                if emit_absent and not field.versions.contains(struct.versions):
                    if field.tag is None:
                        emit_absent(absent, field)
                    else:
                        tagged = condition(field.versions, struct.versions)
                        single = Code()
                        emit_absent(single, field)
                        for text in single.lines:
                            code.line(f'if (!({tagged})) {text}')
            if not test:
                code.extend(present)
                continue
            code.open(f'if ({test})')
            code.extend(present)
            if absent.lines:
                self.otherwise(code)
                code.extend(absent)
            code.close()

    @staticmethod
    def tagged_fields(struct):
        return sorted((f for f in struct.fields if f.tag is not None), key=lambda f: f.tag)

    # Reading.

    def define_read(self, code, struct):
        code.open(f'void {struct.qualified_name}::read([[maybe_unused]] Reader& reader, '
                  '[[maybe_unused]] std::int16_t version)')
        self.declare_flexible(code, struct.versions)
        self.emit_fields(code, struct, lambda c, f: self.read_field(c, f, struct.versions))
        if self.may_be_flexible(struct):
            tagged = self.tagged_fields(struct)
            if not tagged:
                code.line(self.if_flexible(struct) + 'reader.skip_tagged_fields();')
            else:
                self.read_tagged(code, struct, tagged)
        code.close()
        code.line()

    def read_tagged(self, code, struct, tagged):
        self.return_if_not_flexible(code, struct)
        code.open('for (std::uint32_t tags = reader.read_unsigned_varint(); '
                  'tags > 0 && reader.ok(); --tags)')
        code.line('const Reader::Tag tag = reader.begin_tag();')
        for number, field in enumerate(tagged):
            flexible = Versions(self.api.first_flexible, OPEN_END).intersect(struct.versions)
            test = condition(field.versions, flexible)
            test = f'tag.number == {field.tag}' + (f' && {test}' if test else '')
            if number == 0:
                code.open(f'if ({test})')
            else:
                self.otherwise(code, test)
            self.read_field(code, field, struct.versions)
        self.otherwise(code)
        code.line('reader.skip(tag.size_bytes);')
        code.close()
        code.line('reader.end_tag(tag);')
        code.close()

    def null_test(self, field, context):
        """None: never null; '': always nullable; else the version test."""
        if not field.is_nullable:
            return None
        return condition(field.nullable, field.versions.intersect(context))

    def read_field(self, code, field, context):
        name = self.access(field)
        if field.is_array:
            self.read_array(code, field, context)
        elif field.struct:
            code.line(f'{name}.read(reader, version);')
        elif field.type == 'records' and self.is_response:
            code.line(f'{name} = reader.read_records_field(flexible);')
        elif field.type in ('string', 'bytes', 'records'):
            suffix = field.type
            if field.type == 'string' and self.api.borrow:
                suffix = 'string_view'
            test = self.null_test(field, context)
            plain = f'{name} = reader.read_{suffix}(flexible);'
            nullable = f'{name} = reader.read_nullable_{suffix}(flexible);'
            if test is None:
                code.line(plain)
            elif test == '':
                code.line(nullable)
            else:
                code.open(f'if ({test})')
                code.line(nullable)
                self.otherwise(code)
                code.line(plain)
                code.close()
        else:
            code.line(f'{name} = reader.read_{field.type}();')

    def read_array(self, code, field, context):
        name = self.access(field)
        smallest = self.array_element_size_min(field, context)
        test = self.null_test(field, context)
        plain = f'reader.read_count(flexible, {smallest})'
        nullable = f'reader.read_nullable_count(flexible, {smallest})'
        if test is None:
            code.line(f'{name}.clear();')
            code.open(f'if (const std::size_t count = {plain}; count > 0)')
            self.read_elements(code, field, name, 'count')
            code.close()
            return
        value = nullable if test == '' else f'{test} ? {nullable} : {plain}'
        code.open(f'if (const std::optional<std::size_t> count = {value})')
        code.line(f'auto& list = {name}.emplace();')
        self.read_elements(code, field, 'list', '*count')
        self.otherwise(code)
        code.line(f'{name}.reset();')
        code.close()

    def read_elements(self, code, field, name, count):
        code.line(f'{name}.reserve(reserve_count({count}));')
        code.open(f'for (std::size_t i = 0; i < {count} && reader.ok(); ++i)')
        if field.struct:
            code.line(f'{name}.emplace_back().read(reader, version);')
        elif field.type == 'string':
            suffix = 'string_view' if self.api.borrow else 'string'
            code.line(f'{name}.push_back(reader.read_{suffix}(flexible));')
        else:
            code.line(f'{name}.push_back(reader.read_{field.type}());')
        code.close()

    # Sizes.

    def define_size(self, code, struct):
        code.open(f'std::size_t {struct.qualified_name}::size_bytes('
                  '[[maybe_unused]] std::int16_t version) const')
        self.declare_flexible(code, struct.versions)
        code.line('std::size_t size = 0;')
        body = Code()
        self.emit_fields(body, struct, lambda c, f: self.size_field(c, f, 'size'))
        self.extend_merging_constants(code, body)
        if self.may_be_flexible(struct):
            self.return_if_not_flexible(code, struct, ' size')
            code.line('size += 1;  // the count of tagged fields')
            for field in self.tagged_fields(struct):
                self.open_tagged(code, struct, field)
                code.line('std::size_t value_size = 0;')
                self.size_field(code, field, 'value_size')
                code.line('size += 1 + unsigned_varint_size(static_cast<std::uint32_t>(value_size))'
                          ' + value_size;')
                code.close()
        code.line('return size;')
        code.close()
        code.line()

    @staticmethod
    def extend_merging_constants(code, body):
        """Appends body, adding up neighbouring lines of the form 'size += 4;'."""
        for text in body.lines:
            stripped = text.strip()
            previous = code.lines[-1].strip()
            if all(s.startswith('size += ') and s[8:-1].isdigit() for s in (stripped, previous)):
                total = int(stripped[8:-1]) + int(previous[8:-1])
                code.lines[-1] = code.lines[-1].replace(previous, f'size += {total};')
            else:
                code.line(text)

    def open_tagged(self, code, struct, field):
        code.open(f'if ({self.tagged_test(struct, field)})')

    def tagged_test(self, struct, field):
        flexible = Versions(self.api.first_flexible, OPEN_END).intersect(struct.versions)
        test = condition(field.versions, flexible)
        present = f'!({self.default_test(field)})'
        return f'{test} && {present}' if test else present

    def size_field(self, code, field, total):
        name = self.access(field)
        if field.is_array:
            self.size_array(code, field, total)
        elif field.struct:
            code.line(f'{total} += {name}.size_bytes(version);')
        elif field.type == 'string':
            function = 'nullable_string_size' if field.is_nullable else 'string_size'
            code.line(f'{total} += {function}({name}, flexible);')
        elif field.type == 'records' and self.is_response:
            code.line(f'{total} += records_field_size({name}, flexible);')
        elif field.type in ('bytes', 'records'):
            if field.is_nullable:
                code.line(f'{total} += {name}.has_value() ? bytes_size({name}->size(), flexible) '
                          ': null_count_size(flexible);')
            else:
                code.line(f'{total} += bytes_size({name}.size(), flexible);')
        else:
            code.line(f'{total} += {FIXED_SIZES[field.type]};')

    def size_array(self, code, field, total):
        name = self.access(field)
        pointer = name
        if field.is_nullable:
            code.open(f'if ({name}.has_value())')
            pointer = f'(*{name})'
        size = f'{pointer}.size()'
        if field.type in FIXED_SIZES:
            code.line(f'{total} += count_size({size}, flexible) + {size} * '
                      f'{FIXED_SIZES[field.type]};')
        else:
            code.line(f'{total} += count_size({size}, flexible);')
            element = ('element.size_bytes(version)' if field.struct
                       else 'string_size(element, flexible)')
            code.line(f'for (const auto& element : {pointer}) {total} += {element};')
        if field.is_nullable:
            self.otherwise(code)
            code.line(f'{total} += null_count_size(flexible);')
            code.close()

    # Writing.

    def define_write(self, code, struct):
        code.open(f'void {struct.qualified_name}::write([[maybe_unused]] Writer& writer, '
                  '[[maybe_unused]] std::int16_t version) const')
        self.declare_flexible(code, struct.versions)

        def absent(c, field):
            if not field.ignorable:
                c.line(f'verify_absent({self.default_test(field)}, '
                       f'"{struct.name}.{field.name}", version);')

        self.emit_fields(code, struct, lambda c, f: self.write_field(c, f, struct), absent)
        if self.may_be_flexible(struct):
            self.write_tagged(code, struct)
        code.close()
        code.line()

    def write_tagged(self, code, struct):
        tagged = self.tagged_fields(struct)
        if not tagged:
            code.line(self.if_flexible(struct) + 'writer.write_unsigned_varint(0);')
            return
        self.return_if_not_flexible(code, struct)
        code.line('std::uint32_t tags = 0;')
        for field in tagged:
            code.line(f'if ({self.tagged_test(struct, field)}) ++tags;')
        code.line('writer.write_unsigned_varint(tags);')
        for field in tagged:
            self.open_tagged(code, struct, field)
            code.line('std::size_t value_size = 0;')
            self.size_field(code, field, 'value_size')
            code.line(f'writer.write_unsigned_varint({field.tag});')
            code.line('writer.write_unsigned_varint(static_cast<std::uint32_t>(value_size));')
            self.write_field(code, field, struct)
            code.close()

    def write_field(self, code, field, struct):
        name = self.access(field)
        test = self.null_test(field, struct.versions)
        if test and self.is_optional(field):
            code.line(f'verify_present({name}.has_value() || ({test}), '
                      f'"{struct.name}.{field.name}", version);')
        if field.is_array:
            self.write_array(code, field)
        elif field.struct:
            code.line(f'{name}.write(writer, version);')
        elif field.type == 'string':
            function = 'write_nullable_string' if field.is_nullable else 'write_string'
            code.line(f'writer.{function}({name}, flexible);')
        elif field.type == 'records' and self.is_response:
            code.line(f'writer.write_records_field({name}, flexible);')
        elif field.type in ('bytes', 'records'):
            if field.is_nullable:
                code.open(f'if ({name}.has_value())')
                code.line(f'writer.write_bytes(*{name}, flexible);')
                self.otherwise(code)
                code.line('writer.write_null_bytes(flexible);')
                code.close()
            else:
                code.line(f'writer.write_bytes({name}, flexible);')
        else:
            code.line(f'writer.write_{field.type}({name});')

    def write_array(self, code, field):
        name = self.access(field)
        pointer = name
        if field.is_nullable:
            code.open(f'if ({name}.has_value())')
            pointer = f'(*{name})'
        code.line(f'writer.write_count({pointer}.size(), flexible);')
        if field.struct:
            element = 'element.write(writer, version)'
        elif field.type == 'string':
            element = 'writer.write_string(element, flexible)'
        else:
            element = f'writer.write_{field.type}(element)'
        code.line(f'for (const auto& element : {pointer}) {element};')
        if field.is_nullable:
            self.otherwise(code)
            code.line('writer.write_null_count(flexible);')
            code.close()


def emit(api, schema_name, header_name):
    """Returns (header text, source text)."""
    header, source = Code(), Code()
    banner = f'// Generated from {schema_name} by protocol/generate.py.'
    header.line(banner)
    for text in api.comment:
        header.line(f'// {text}'.rstrip())
    header.line('#pragma once')
    header.line()
    for include in ('cstddef', 'cstdint', 'optional', 'string', 'string_view', 'vector'):
        header.line(f'#include <{include}>')
    header.line()
    for include in ('base/result.h', 'base/uuid.h', 'protocol/reader.h', 'protocol/records.h',
                    'protocol/writer.h'):
        header.line(f'#include "{include}"')
    header.line()
    header.line('namespace protocol {')
    header.line()
    source.line(banner)
    source.line(f'#include "{header_name}"')
    source.line()
    source.line('namespace protocol {')
    source.line()
    for message in (api.request, api.response):
        emitter = MessageEmitter(api, message)
        emitter.declare(header, message)
        header.line()
        emitter.define(source)
    header.line('}  // namespace protocol')
    source.line('}  // namespace protocol')
    return header.text(), source.text()


def emit_list(apis):
    """A header with for_each_message; apis maps a schema's base name to the parsed API."""
    code = Code()
    code.line('// Generated by protocol/generate.py: every message, for tests and fuzzers.')
    code.line('#pragma once')
    code.line()
    for name in apis:
        code.line(f'#include "protocol/gen/{name}.h"')
    code.line()
    code.line('namespace protocol {')
    code.line()
    code.line('// Calls visit.template operator()<FetchRequest>("Fetch", "request"), and so on.')
    code.line('template <class Visitor>')
    code.open('void for_each_message(Visitor&& visit)')
    for api in apis.values():
        for kind in ('request', 'response'):
            code.line(f'visit.template operator()<{api.name}{kind.capitalize()}>'
                      f'("{api.name}", "{kind}");')
    code.close()
    code.line()
    code.line('}  // namespace protocol')
    return code.text()
