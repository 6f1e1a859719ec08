#!/usr/bin/env python3
"""Generates the C++ structs and codecs of one API from its schema file.

Usage: generate.py SCHEMA HEADER SOURCE
       generate.py --list HEADER SCHEMA...   a header that visits every message, for tests
Run by Meson (protocol/gen/meson.build); the notation is described in schema_language.py.
"""

import os
import sys

import emit_cpp
import schema_language


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def generate_api(schema_path, header_path, source_path):
    header_name = 'protocol/gen/' + os.path.basename(header_path)
    schema_name = 'protocol/schema/' + os.path.basename(schema_path)
    api = schema_language.parse(schema_path)
    header, source = emit_cpp.emit(api, schema_name, header_name)
    write(header_path, header)
    write(source_path, source)


def generate_list(header_path, schema_paths):
    apis = {os.path.basename(path).removesuffix('.schema'): schema_language.parse(path)
            for path in schema_paths}
    write(header_path, emit_cpp.emit_list(apis))


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
