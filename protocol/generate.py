#!/usr/bin/env python3
"""Generates the C++ structs and codecs of one API from its schema file.

Usage: generate.py SCHEMA HEADER SOURCE. Run by Meson (protocol/gen/meson.build); the notation is
described in schema_language.py.
"""

import os
import sys

import emit_cpp
import schema_language


def main(arguments):
    if len(arguments) != 3:
        sys.exit(__doc__)
    schema_path, header_path, source_path = arguments
    header_name = 'protocol/gen/' + os.path.basename(header_path)
    schema_name = 'protocol/schema/' + os.path.basename(schema_path)
    try:
        header, source = emit_cpp.emit(schema_language.parse(schema_path), schema_name, header_name)
    except schema_language.SchemaError as error:
        sys.exit(str(error))
    for path, text in ((header_path, header), (source_path, source)):
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)


if __name__ == '__main__':
    main(sys.argv[1:])
