"""The test harness: real ZooKeeper, brokers and clients, on free ports, in temporary directories.

Python's standard library only. Everything that is started is a child process, ended by its handle.
"""
