"""Emits the C++ source of one API: decode, encode and size of its messages and their structs."""

from codegen.cpp_text import Code, flexible_versions, version_test
from codegen.cpp_types import FIXED_SIZES, Types, access


def emit_source(api, schema_name, header_name):
    code = Code()
    code.line(f'// Generated from {schema_name} by protocol/generate.py.')
    code.line(f'#include "{header_name}"')
    code.line()
    code.line('namespace protocol {')
    code.line()
    for message in (api.request, api.response):
        emitter = StructEmitter(code, api, Types(api, message))
        for struct in [*message.all_nested(), message]:
            emitter.define(struct)
        _define_message(code, message.name)
    code.line('}  // namespace protocol')
    return code.text()


def _define_message(code, name):
    code.open(f'base::Result<{name}> {name}::decode(Reader& reader, std::int16_t version)')
    code.open('if (version < kMinVersion || version > kMaxVersion)')
    code.line(f'return base::fail(base::Errc::unsupported, "{name} version");')
    code.close()
    code.line(f'base::Result<{name}> message;')
    code.line('message->read(reader, version);')
    code.open('if (auto status = reader.status(); !status)')
    code.line(f'return base::fail(std::move(status).error().with_context("{name}"));')
    code.close()
    code.line('return message;')
    code.close()
    code.line()
    code.open(f'void {name}::encode(Writer& writer, std::int16_t version) const')
    code.open('if (version < kMinVersion || version > kMaxVersion)')
    code.line(f'writer.fail("{name}", "has no such version", version);')
    code.line('return;')
    code.close()
    code.line('writer.reserve(size_bytes(version));')
    code.line('write(writer, version);')
    code.close()
    code.line()


class StructEmitter:
    """Emits read, size_bytes and write of the structs of one message."""

    def __init__(self, code, api, types):
        self.code = code
        self.api = api
        self.types = types

    def define(self, struct):
        name = struct.qualified_name
        version = '[[maybe_unused]] std::int16_t version'
        self._define_function(struct, f'void {name}::read([[maybe_unused]] Reader& reader, '
                              f'{version})', self._read_body)
        self._define_function(struct, f'std::size_t {name}::size_bytes({version}) const',
                              self._size_body)
        self._define_function(struct, f'void {name}::write([[maybe_unused]] Writer& writer, '
                              f'{version}) const', self._write_body)

    # --- What the three functions share -------------------------------------------------------

    def _define_function(self, struct, signature, body):
        self.code.open(signature)
        if not self._may_be_flexible(struct):
            value = 'constexpr bool flexible = false'
        elif self._is_always_flexible(struct):
            value = 'constexpr bool flexible = true'
        else:
            test = version_test(flexible_versions(self.api), struct.versions)
            value = f'const bool flexible = {test}'
        self.code.line(f'[[maybe_unused]] {value};')
        body(struct)
        self.code.close()
        self.code.line()

    def _may_be_flexible(self, struct):
        return self.api.first_flexible <= struct.versions.high

    def _is_always_flexible(self, struct):
        return self.api.first_flexible <= struct.versions.low

    def _return_if_not_flexible(self, struct, value=''):
        if not self._is_always_flexible(struct):
            self.code.line(f'if (!flexible) return{value};')

    def _if_flexible(self, struct, statement):
        prefix = '' if self._is_always_flexible(struct) else 'if (flexible) '
        self.code.line(prefix + statement)

    @staticmethod
    def _tagged_fields(struct):
        return sorted((f for f in struct.fields if f.tag is not None), key=lambda f: f.tag)

    def _tagged_version_test(self, struct, field):
        context = flexible_versions(self.api).intersect(struct.versions)
        return version_test(field.versions, context)

    def _tagged_present_test(self, struct, field):
        """True when a tagged field is written: its version, and not at its default."""
        _, other_value = self.types.default_tests(field)
        test = self._tagged_version_test(struct, field)
        return f'{test} && {other_value}' if test else other_value

    def _null_test(self, field, struct):
        """None: never null; '': nullable in every version; else the version test."""
        if not field.is_nullable:
            return None
        return version_test(field.nullable, field.versions.intersect(struct.versions))

    def _untagged(self, struct, emit_present, emit_absent=None):
        """Emits the untagged fields under their version tests; neighbours with the same test share
        a block. emit_absent handles the versions that lack the field."""
        groups = []
        for field in struct.fields:
            if field.tag is None:
                test = version_test(field.versions, struct.versions)
                if not groups or groups[-1][0] != test:
                    groups.append((test, []))
                groups[-1][1].append(field)
        outer = self.code
        for test, fields in groups:
            if test:
                outer.open(f'if ({test})')
            for field in fields:
                emit_present(field, struct)
            if not test:
                continue
            if emit_absent:
                self.code = Code()
                for field in fields:
                    emit_absent(field, struct)
                absent, self.code = self.code, outer
                if absent.lines:
                    outer.otherwise()
                    outer.extend(absent)
            outer.close()

    # --- read ---------------------------------------------------------------------------------

    def _read_body(self, struct):
        self._untagged(struct, self._read_field)
        if not self._may_be_flexible(struct):
            return
        if self._tagged_fields(struct):
            self._return_if_not_flexible(struct)
            self._read_tagged(struct)
        else:
            self._if_flexible(struct, 'reader.skip_tagged_fields();')

    def _read_tagged(self, struct):
        self.code.open('for (std::uint32_t tags = reader.read_unsigned_varint(); '
                       'tags > 0 && reader.ok(); --tags)')
        self.code.line('const Reader::Tag tag = reader.begin_tag();')
        for number, field in enumerate(self._tagged_fields(struct)):
            test = f'tag.number == {field.tag}'
            if versions := self._tagged_version_test(struct, field):
                test += f' && {versions}'
            if number == 0:
                self.code.open(f'if ({test})')
            else:
                self.code.otherwise(test)
            self._read_field(field, struct)
        self.code.otherwise()
        self.code.line('reader.skip(tag.size_bytes);')
        self.code.close()
        self.code.line('reader.end_tag(tag);')
        self.code.close()

    def _read_field(self, field, struct):
        name = access(field)
        if field.is_array:
            self._read_array(field, struct)
        elif field.struct:
            self.code.line(f'{name}.read(reader, version);')
        elif self.types.is_records_field(field):
            self.code.line(f'{name} = reader.read_records_field(flexible);')
        elif field.type in ('string', 'bytes', 'records'):
            kind = self._reader_word(field)
            null_test = self._null_test(field, struct)
            if null_test:
                self.code.open(f'if ({null_test})')
                self.code.line(f'{name} = reader.read_nullable_{kind}(flexible);')
                self.code.otherwise()
                self.code.line(f'{name} = reader.read_{kind}(flexible);')
                self.code.close()
            else:
                nullable = 'nullable_' if field.is_nullable else ''
                self.code.line(f'{name} = reader.read_{nullable}{kind}(flexible);')
        else:
            self.code.line(f'{name} = reader.read_{field.type}();')

    def _reader_word(self, field):
        return 'string_view' if field.type == 'string' and self.api.borrow else field.type

    def _read_array(self, field, struct):
        name = access(field)
        smallest = self.types.array_element_size_min(field, struct.versions)
        room = f'{smallest}, element_bytes({name})'
        count = f'reader.read_count(flexible, {room})'
        if not field.is_nullable:
            self.code.line(f'{name}.clear();')
            self.code.open(f'if (const std::size_t count = {count}; count > 0)')
            self._read_elements(field, name, 'count')
            self.code.close()
            return
        nullable_count = f'reader.read_nullable_count(flexible, {room})'
        if null_test := self._null_test(field, struct):
            nullable_count = f'{null_test} ? {nullable_count} : {count}'
        self.code.open(f'if (const std::optional<std::size_t> count = {nullable_count})')
        self.code.line(f'auto& list = {name}.emplace();')
        self._read_elements(field, 'list', '*count')
        self.code.otherwise()
        self.code.line(f'{name}.reset();')
        self.code.close()

    def _read_elements(self, field, name, count):
        self.code.line(f'{name}.reserve(reserve_count({count}));')
        self.code.open(f'for (std::size_t i = 0; i < {count} && reader.ok(); ++i)')
        if field.struct:
            self.code.line(f'{name}.emplace_back().read(reader, version);')
        elif field.type == 'string':
            self.code.line(f'{name}.push_back(reader.read_{self._reader_word(field)}(flexible));')
        else:
            self.code.line(f'{name}.push_back(reader.read_{field.type}());')
        self.code.close()

    # --- size_bytes ---------------------------------------------------------------------------

    def _size_body(self, struct):
        self.code.line('std::size_t size = 0;')
        self._untagged(struct, lambda field, _: self._size_field(field, 'size'))
        if self._may_be_flexible(struct):
            self._return_if_not_flexible(struct, ' size')
            self._add_constant('size', 1)  # the count of tagged fields
            for field in self._tagged_fields(struct):
                self.code.open(f'if ({self._tagged_present_test(struct, field)})')
                self._value_size(field)
                # Tag numbers are below 128, so one byte each.
                self.code.line('size += 1 + unsigned_varint_size('
                               'static_cast<std::uint32_t>(value_size)) + value_size;')
                self.code.close()
        self.code.line('return size;')

    def _value_size(self, field):
        self.code.line('std::size_t value_size = 0;')
        self._size_field(field, 'value_size')

    def _add_constant(self, total, size):
        """Adds to the constant of the line before, if there is one."""
        prefix = '  ' * self.code.depth + f'{total} += '
        previous = self.code.lines[-1]
        if previous.startswith(prefix) and previous[len(prefix):-1].isdigit():
            size += int(previous[len(prefix):-1])
            self.code.lines.pop()
        self.code.line(f'{total} += {size};')

    def _size_field(self, field, total):
        name = access(field)
        if field.is_array:
            self._size_array(field, total)
        elif field.type in FIXED_SIZES:
            self._add_constant(total, FIXED_SIZES[field.type])
        elif field.struct:
            self.code.line(f'{total} += {name}.size_bytes(version);')
        elif field.type == 'string':
            nullable = 'nullable_' if field.is_nullable else ''
            self.code.line(f'{total} += {nullable}string_size({name}, flexible);')
        elif self.types.is_records_field(field):
            self.code.line(f'{total} += records_field_size({name}, flexible);')
        elif field.is_nullable:
            self.code.line(f'{total} += {name}.has_value() ? bytes_size({name}->size(), flexible) '
                           ': null_count_size(flexible);')
        else:
            self.code.line(f'{total} += bytes_size({name}.size(), flexible);')

    def _size_array(self, field, total):
        name = access(field)
        if field.is_nullable:
            self.code.open(f'if ({name}.has_value())')
            self._size_elements(field, f'(*{name})', total)
            self.code.otherwise()
            self.code.line(f'{total} += null_count_size(flexible);')
            self.code.close()
        else:
            self._size_elements(field, name, total)

    def _size_elements(self, field, array, total):
        count = f'count_size({array}.size(), flexible)'
        if field.type in FIXED_SIZES:
            self.code.line(f'{total} += {count} + {array}.size() * {FIXED_SIZES[field.type]};')
            return
        self.code.line(f'{total} += {count};')
        element = ('element.size_bytes(version)' if field.struct
                   else 'string_size(element, flexible)')
        self.code.line(f'for (const auto& element : {array}) {total} += {element};')

    # --- write --------------------------------------------------------------------------------

    def _write_body(self, struct):
        self._untagged(struct, self._write_field, self._expect_absent)
        tagged = self._tagged_fields(struct)
        for field in tagged:
            if test := version_test(field.versions, struct.versions):
                self._expect_absent(field, struct, f'{test} || ')
        if not self._may_be_flexible(struct):
            return
        if not tagged:
            self._if_flexible(struct, 'writer.write_unsigned_varint(0);')
            return
        self._return_if_not_flexible(struct)
        self.code.line('std::uint32_t tags = 0;')
        for field in tagged:
            self.code.line(f'if ({self._tagged_present_test(struct, field)}) ++tags;')
        self.code.line('writer.write_unsigned_varint(tags);')
        for field in tagged:
            self.code.open(f'if ({self._tagged_present_test(struct, field)})')
            self._value_size(field)
            self.code.line(f'writer.write_unsigned_varint({field.tag});')
            self.code.line('writer.write_unsigned_varint(static_cast<std::uint32_t>(value_size));')
            self._write_field(field, struct)
            self.code.close()

    def _expect_absent(self, field, struct, or_else=''):
        if not field.ignorable:
            at_default, _ = self.types.default_tests(field)
            if or_else and '&&' in at_default:
                at_default = f'({at_default})'
            self.code.line(f'writer.expect_absent({or_else}{at_default}, '
                           f'"{struct.name}.{field.name}", version);')

    def _write_field(self, field, struct):
        name = access(field)
        null_test = self._null_test(field, struct)
        if null_test and self.types.is_optional(field):
            self.code.line(f'writer.expect_present({name}.has_value() || {null_test}, '
                           f'"{struct.name}.{field.name}", version);')
        if field.is_array:
            self._write_array(field)
        elif field.struct:
            self.code.line(f'{name}.write(writer, version);')
        elif field.type == 'string':
            nullable = 'nullable_' if field.is_nullable else ''
            self.code.line(f'writer.write_{nullable}string({name}, flexible);')
        elif self.types.is_records_field(field):
            self.code.line(f'writer.write_records_field({name}, flexible);')
        elif field.type in ('bytes', 'records') and field.is_nullable:
            self.code.open(f'if ({name}.has_value())')
            self.code.line(f'writer.write_bytes(*{name}, flexible);')
            self.code.otherwise()
            self.code.line('writer.write_null_bytes(flexible);')
            self.code.close()
        elif field.type in ('bytes', 'records'):
            self.code.line(f'writer.write_bytes({name}, flexible);')
        else:
            self.code.line(f'writer.write_{field.type}({name});')

    def _write_array(self, field):
        name = access(field)
        if field.is_nullable:
            self.code.open(f'if ({name}.has_value())')
            self._write_elements(field, f'(*{name})')
            self.code.otherwise()
            self.code.line('writer.write_null_count(flexible);')
            self.code.close()
        else:
            self._write_elements(field, name)

    def _write_elements(self, field, array):
        self.code.line(f'writer.write_count({array}.size(), flexible);')
        if field.struct:
            element = 'element.write(writer, version)'
        elif field.type == 'string':
            element = 'writer.write_string(element, flexible)'
        else:
            element = f'writer.write_{field.type}(element)'
        self.code.line(f'for (const auto& element : {array}) {element};')
