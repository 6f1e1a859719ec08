"""C++ text: lines with indentation, and tests of the message version."""

from codegen.schema_language import OPEN_END, Versions


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

    def otherwise(self, test=''):
        """Closes the open block and opens its alternative."""
        self.close(f' else if ({test}) {{' if test else ' else {')
        self.depth += 1

    def extend(self, other):
        for text in other.lines:
            self.line(text)

    def text(self):
        return '\n'.join(self.lines) + '\n'


def version_test(versions, context):
    """The C++ test that `version`, known to be in context, is in versions; '' if always true."""
    if context.low < versions.low == versions.high < context.high:
        return f'version == {versions.low}'
    parts = []
    if versions.low > context.low:
        parts.append(f'version >= {versions.low}')
    if versions.high < context.high:
        parts.append(f'version <= {versions.high}')
    return ' && '.join(parts)


def flexible_versions(api):
    return Versions(api.first_flexible, OPEN_END)
