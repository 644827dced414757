// synth: a full kernel dump seen as a machine: its page frames, and virtual memory by a page walk
// of its own (x86, x86 PAE, x64).  The converters of this folder make other kinds of dumps from it.
// From the published DUMP_HEADER32/64 and the Intel manual's tables, without analyzer/formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

struct FrameRun {
  std::uint64_t base = 0, count = 0;
};

class FullDump {
public:
  // The bytes must outlive it.  Nothing when they are no full dump, or pages of it are missing.
  static std::optional<FullDump> open(const Bytes& file);

  bool is64() const { return is64_; }
  unsigned pointer_size() const { return is64_ ? 8 : 4; }
  std::size_t header_size() const { return is64_ ? 0x2000 : 0x1000; }
  std::uint32_t build() const { return static_cast<std::uint32_t>(header(0xc, 4)); }
  // A header field.
  std::uint64_t header(std::size_t offset, std::size_t size) const;
  Bytes header_bytes() const;
  const std::vector<FrameRun>& runs() const { return runs_; }

  static constexpr std::size_t kPage = 0x1000;
  // The bytes of a frame; nullptr when the dump has none.
  const std::uint8_t* page(std::uint64_t frame) const;
  bool is_zero(std::uint64_t frame) const;
  std::vector<std::uint64_t> all_frames() const;
  // Frames that the kernel half of the address space reaches, page tables among them.
  std::vector<std::uint64_t> kernel_frames() const;

  std::optional<std::uint64_t> physical(std::uint64_t address) const;
  // The leading bytes that can be read, `size` at most.
  Bytes read_some(std::uint64_t address, std::size_t size) const;
  std::optional<Bytes> read(std::uint64_t address, std::size_t size) const;
  std::optional<std::uint64_t> number(std::uint64_t address, std::size_t size) const;
  std::optional<std::uint64_t> pointer(std::uint64_t address) const {
    return number(address, pointer_size());
  }
  // UNICODE_STRING at `address`, its ASCII characters.
  std::string unicode_string(std::uint64_t address) const;

private:
  enum class Paging { x86, pae, x64 };
  std::optional<std::uint64_t> entry(std::uint64_t table, std::uint64_t index) const;
  void mark(std::uint64_t table, int level, bool top, std::vector<std::vector<bool>>& seen,
            std::vector<bool>& frames) const;

  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  bool is64_ = false;
  Paging paging_ = Paging::x64;
  std::uint64_t root_ = 0;
  std::vector<FrameRun> runs_;
};

std::uint64_t number_at(const Bytes& bytes, std::size_t offset, std::size_t size);

} // namespace dumptriage::synth
