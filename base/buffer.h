// Purpose: a reference-counted byte buffer: a request frame that views point into, a response on
// its way out. Copying a Buffer copies a pointer; the bytes are shared and may be used by any
// thread, but only the sole owner may write or grow them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace base {

class Buffer {
 public:
  Buffer() = default;
  // Capacity without content: size() is 0.
  static Buffer with_capacity(std::size_t capacity_bytes) {
    Buffer buffer;
    buffer.block_ = allocate(capacity_bytes);
    return buffer;
  }
  static Buffer copy_of(Bytes bytes) {
    Buffer buffer = with_capacity(bytes.size());
    buffer.append(bytes);
    return buffer;
  }

  Buffer(const Buffer& other) : block_(other.block_) {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Buffer() {
    if (block_ != nullptr && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      block_->~Block();
      std::free(block_);
    }
  }

  bool empty() const { return size() == 0; }
  std::size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  std::size_t capacity() const { return block_ == nullptr ? 0 : block_->capacity; }
  const std::byte* data() const { return block_ == nullptr ? nullptr : block_->bytes(); }
  Bytes bytes() const { return {data(), size()}; }
  bool is_sole_owner() const {
    return block_ == nullptr || block_->references.load(std::memory_order_acquire) == 1;
  }

  // Below: sole owner only.
  std::byte* mutable_data() {
    DVERIFY(is_sole_owner());
    return block_ == nullptr ? nullptr : block_->bytes();
  }
  MutableBytes mutable_bytes() { return {mutable_data(), size()}; }
  // The room behind the content; commit(n) makes its first n bytes content.
  MutableBytes spare() { return {mutable_data() + size(), capacity() - size()}; }
  void commit(std::size_t n) {
    DVERIFY(n <= capacity() - size());
    if (n > 0) block_->size += n;
  }
  void reserve(std::size_t capacity_bytes) {
    if (capacity_bytes <= capacity()) return;
    DVERIFY(is_sole_owner());
    if (block_ == nullptr) {
      block_ = allocate(capacity_bytes);
      return;
    }
    // A large block moves by its pages: it is never there twice, and nothing is copied.
    const std::size_t size_bytes = size();
    void* memory = std::realloc(static_cast<void*>(block_), sizeof(Block) + capacity_bytes);
    if (memory == nullptr) throw std::bad_alloc();
    block_ = new (memory) Block;
    block_->size = size_bytes;
    block_->capacity = capacity_bytes;
  }
  void append(Bytes bytes) {
    if (bytes.empty()) return;
    if (capacity() - size() < bytes.size()) reserve(std::max(size() + bytes.size(), 2 * size()));
    std::memcpy(mutable_data() + size(), bytes.data(), bytes.size());
    block_->size += bytes.size();
  }
  void clear() {
    if (block_ != nullptr) {
      DVERIFY(is_sole_owner());
      block_->size = 0;
    }
  }

 private:
  struct Block {
    std::atomic<std::size_t> references{1};
    std::size_t size = 0;
    std::size_t capacity = 0;
    std::byte* bytes() { return reinterpret_cast<std::byte*>(this + 1); }
  };

  static Block* allocate(std::size_t capacity_bytes) {
    void* memory = std::malloc(sizeof(Block) + capacity_bytes);
    if (memory == nullptr) throw std::bad_alloc();
    auto* block = new (memory) Block;
    block->capacity = capacity_bytes;
    return block;
  }

  Block* block_ = nullptr;
};

}  // namespace base
