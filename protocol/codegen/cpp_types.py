"""How the fields of a schema look in C++: types, defaults, and the least bytes they can take."""

from codegen.schema_language import SchemaError

# Schema type -> (C++ type, bytes on the wire).
INTEGERS = {
    'int8': ('std::int8_t', 1), 'int16': ('std::int16_t', 2), 'int32': ('std::int32_t', 4),
    'int64': ('std::int64_t', 8), 'uint16': ('std::uint16_t', 2), 'uint32': ('std::uint32_t', 4)}
FIXED_SIZES = {'bool': 1, 'float64': 8, 'uuid': 16} | {
    name: size for name, (_, size) in INTEGERS.items()}
# Names that a generated function uses itself: a field of that name is reached through this->.
LOCAL_NAMES = {'reader', 'writer', 'version', 'flexible', 'size', 'count', 'list', 'tag', 'tags',
               'value_size', 'element'}


def access(field):
    """The expression that reaches the field inside a member function."""
    return f'this->{field.name}' if field.name in LOCAL_NAMES else field.name


class Types:
    """The C++ side of the fields of one message."""

    def __init__(self, api, message):
        self.api = api
        self.is_response = message is api.response

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

    def is_records_field(self, field):
        return field.type == 'records' and self.is_response

    def is_optional(self, field):
        # A RecordsField carries its own null.
        return field.is_nullable and not self.is_records_field(field)

    def field_type(self, field):
        text = self.element_type(field)
        if field.is_array:
            text = f'std::vector<{text}>'
        if self.is_optional(field):
            if field.struct and not field.is_array:
                raise SchemaError(f'{field.name}: nullable structs are not supported')
            text = f'std::optional<{text}>'
        return text

    def starts_null(self, field):
        return field.default == 'null' or field.type == 'records'

    def initializer(self, field):
        """What follows the field's name in its declaration."""
        if self.is_optional(field):
            inner = self.field_type(field)[len('std::optional<'):-1]
            return '' if self.starts_null(field) else f' = {inner}()'
        if field.is_array or field.struct or field.type in ('uuid', 'bytes', 'records'):
            return ''
        if field.type == 'string':
            return f' = {field.default}' if field.default else ''
        return f' = {field.default or ("false" if field.type == "bool" else "0")}'

    def default_tests(self, field):
        """Two C++ expressions: the field has its default, the field has another value."""
        name = access(field)
        if self.is_optional(field):
            if self.starts_null(field):
                return f'!{name}.has_value()', f'{name}.has_value()'
            return (f'{name}.has_value() && {name}->empty()',
                    f'!({name}.has_value() && {name}->empty())')
        if field.is_array or field.type == 'bytes' or (
                field.type == 'string' and not field.default):
            return f'{name}.empty()', f'!{name}.empty()'
        if field.type == 'uuid':
            return f'{name}.is_zero()', f'!{name}.is_zero()'
        if field.type == 'bool':
            tests = f'!{name}', name
            return tests if (field.default or 'false') == 'false' else tests[::-1]
        if field.struct:
            default = f'{field.struct.qualified_name}()'
        elif field.type == 'records':
            default = 'RecordsField()'
        else:
            default = field.default or '0'
        return f'{name} == {default}', f'{name} != {default}'

    def is_comparable(self, struct):
        """Whether operator== can be generated: a RecordsView has none."""
        return all((field.type != 'records' or self.is_response) and
                   (field.struct is None or self.is_comparable(field.struct))
                   for field in struct.fields)

    # The least bytes on the wire, by which a decoder bounds array counts.

    def array_element_size_min(self, field, context):
        versions = field.versions.intersect(context)
        return max(1, min(self._element_size_min(field, version) for version in versions))

    def _is_flexible(self, version):
        return version >= self.api.first_flexible

    def _element_size_min(self, field, version):
        if field.struct:
            return self._struct_size_min(field.struct, version)
        if field.type == 'string':
            return 1 if self._is_flexible(version) else 2
        return FIXED_SIZES[field.type]

    def _field_size_min(self, field, version):
        if field.is_array or field.type in ('bytes', 'records'):
            return 1 if self._is_flexible(version) else 4
        return self._element_size_min(field, version)

    def _struct_size_min(self, struct, version):
        size = sum(self._field_size_min(field, version) for field in struct.fields
                   if field.tag is None and field.versions.low <= version <= field.versions.high)
        return size + (1 if self._is_flexible(version) else 0)
