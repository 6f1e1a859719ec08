"""Just enough of C++ for the tidy tests: text without comments and strings, blocks, lambdas."""

import re

TOKENS = re.compile(
    r"""
    //[^\n]* | /\*.*?\*/                            # comments
    | R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"            # raw strings
    | "(?:\\.|[^"\\\n])*"                          # strings
    | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'          # characters, not the ' of a number
    """,
    re.DOTALL | re.VERBOSE,
)
LAMBDA_TAIL = re.compile(
    r"\s*(?:mutable|noexcept|constexpr|static)?\s*(?:->\s*[\w:<>,&*\s]+?)?\s*\{"
)
COROUTINE = re.compile(r"\bco_(?:await|return|yield)\b|\bCO_TRY\w*")


def blanked(text):
    """The same text, lines and columns kept, with comments and the insides of literals blank."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())

    return TOKENS.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def matching(text, start, opening, closing):
    """Position of what closes the bracket at start, or the end of the text."""
    depth = 0
    for at in range(start, len(text)):
        if text[at] == opening:
            depth += 1
        elif text[at] == closing:
            depth -= 1
            if depth == 0:
                return at
    return len(text)


class Lambda:
    def __init__(self, start, captures, body_start, body_end):
        self.start = start
        self.captures = captures
        self.body_start = body_start
        self.body_end = body_end


def lambdas(code):
    """Every lambda of blanked code, outer ones first."""
    found = []
    for match in re.finditer(r"\[", code):
        start = match.start()
        before = code[:start].rstrip()
        if code[start : start + 2] == "[[" or before.endswith("["):
            continue
        if (
            before
            and (before[-1].isalnum() or before[-1] in "_)]>")
            and not before.endswith(("return", "co_return"))
        ):
            continue
        captures_end = matching(code, start, "[", "]")
        at = captures_end + 1
        while at < len(code) and code[at].isspace():
            at += 1
        if code[at : at + 1] == "(":
            at = matching(code, at, "(", ")") + 1
        tail = LAMBDA_TAIL.match(code, at)
        if not tail:
            continue
        body_start = tail.end() - 1
        found.append(
            Lambda(
                start,
                code[start + 1 : captures_end].strip(),
                body_start,
                matching(code, body_start, "{", "}"),
            )
        )
    return found


def without_lambdas(code):
    """Blanked code in which the bodies of lambdas are blank too."""
    for each in lambdas(code):
        body = code[each.body_start + 1 : each.body_end]
        code = code[: each.body_start + 1] + re.sub(r"[^\n]", " ", body) + code[each.body_end :]
    return code


def is_coroutine(body):
    return COROUTINE.search(without_lambdas(body)) is not None


class Function:
    def __init__(self, header, first_line, line_count):
        self.header = header
        self.first_line = first_line
        self.line_count = line_count


def without_arguments(header):
    kept, depth = [], 0
    for character in header:
        depth += character in "(["
        if depth == 0:
            kept.append(character)
        depth -= character in ")]"
    return "".join(kept)


# What opens a scope in which functions are defined.
SCOPE = re.compile(
    r"^\s*(?:template\s*<[^{]*>\s*)?(?:inline\s+)?(?:namespace|extern|class|struct|union)\b"
)
LABEL = re.compile(r"^\s*(?:public|private|protected)\s*:")
ASSIGNMENT = re.compile(r"(?<!operator)(?<![=!<>])=(?!=)")
PREPROCESSOR = re.compile(r"^[ \t]*#.*(?:\\\n.*)*$", re.MULTILINE)


def functions(code):
    """Function definitions at namespace and class scope, told by what precedes their `{`."""
    code = PREPROCESSOR.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), code)
    found = []
    at, header_start = -1, 0
    while (at := at + 1) < len(code):
        if code[at] in ";}":
            header_start = at + 1
        elif code[at] == "(":
            at = matching(code, at, "(", ")")
        elif code[at] == "{":
            header = LABEL.sub(lambda match: " " * len(match.group()), code[header_start:at])
            plain = without_arguments(header)
            if SCOPE.match(plain):
                header_start = at + 1
                continue
            end = matching(code, at, "{", "}")
            function = (
                "(" in header and not ASSIGNMENT.search(plain) and "enum" not in plain.split()
            )
            at = end
            # A member initialised with braces is followed by more of the same definition.
            if function and code[end + 1 :].lstrip()[:1] in (",", "{"):
                continue
            if function:
                first = line_of(code, header_start + len(header) - len(header.lstrip()))
                lines = line_of(code, end) - first + 1
                found.append(Function(" ".join(header.split()), first, lines))
            header_start = end + 1
    return found
