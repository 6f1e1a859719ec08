#!/usr/bin/env python3
"""Generates the C++ structs and codecs of one API from its schema file.

Usage: generate.py SCHEMA HEADER SOURCE
       generate.py --list HEADER SCHEMA...   a header that visits every message, for tests
Run by Meson (protocol/gen/meson.build); the notation is described in codegen/schema_language.py.
"""

import os
import sys

sys.dont_write_bytecode = True  # leave no __pycache__ in the source tree

from codegen import schema_language
from codegen.emit_header import emit_header, emit_list
from codegen.emit_source import emit_source


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def generate_api(schema_path, header_path, source_path):
    header_name = 'protocol/gen/' + os.path.basename(header_path)
    schema_name = 'protocol/schema/' + os.path.basename(schema_path)
    api = schema_language.parse(schema_path)
    write(header_path, emit_header(api, schema_name))
    write(source_path, emit_source(api, schema_name, header_name))


def generate_list(header_path, schema_paths):
    apis = {os.path.basename(path).removesuffix('.schema'): schema_language.parse(path)
            for path in schema_paths}
    write(header_path, emit_list(apis))


def main(arguments):
    try:
        if len(arguments) > 2 and arguments[0] == '--list':
            generate_list(arguments[1], arguments[2:])
        elif len(arguments) == 3:
            generate_api(*arguments)
        else:
            sys.exit(__doc__)
    except schema_language.SchemaError as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main(sys.argv[1:])
