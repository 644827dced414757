// POOL_HEADER, and how a page of small blocks is walked.
//   x86, XP and later   PreviousSize:9 PoolIndex:7 | BlockSize:9 PoolType:7 | tag; units of 8 bytes
//   x86, Windows 2000   PreviousSize, PoolIndex, PoolType, BlockSize: a byte each; units of 32
//   x64, ARM64          PreviousSize, PoolIndex, BlockSize, PoolType: a byte each; units of 16
// (the first and last from Microsoft's PDBs, the second from computer.forensikblog.de, 2006).
// Blocks do not cross pages: the first has PreviousSize 0, each tells the size of the one before,
// the last ends at the page's end.  NT 4's form is not published: the one is taken whose walk ends
// exactly there.  PoolType 0 is free; up to 2003 odd is nonpaged and even paged, from Vista on the
// other way round, with 2 for "in use".
#include "system/pool.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "system/kernel_view.h"

namespace dumptriage::system {
namespace {

constexpr std::uint64_t kPage = 0x1000;
constexpr std::uint32_t kWindows2000 = 2195, kXp = 2600, kVista = 6000, kSegmentHeap = 18362;

using Form = PoolForm;

struct Header {
  std::uint32_t before = 0, size = 0; // bytes
  std::uint8_t type = 0;
  std::array<std::uint8_t, 4> tag{};
};

std::string name_of(Form form) {
  switch (form) {
  case Form::x86: return "units of 8 bytes";
  case Form::windows2000: return "Windows 2000, units of 32 bytes";
  case Form::wide: return "units of 16 bytes";
  }
  return "";
}

std::optional<Header> header_at(ByteView page, std::uint64_t at, Form form) {
  auto bytes = page.slice(at, header_size(form));
  if (!bytes) return std::nullopt;
  Header header;
  std::uint32_t unit = unit_of(form);
  if (form == Form::x86) {
    std::uint16_t low = bytes->u16(0).value_or(0), high = bytes->u16(2).value_or(0);
    header.before = (low & 0x1FF) * unit;
    header.size = (high & 0x1FF) * unit;
    header.type = static_cast<std::uint8_t>(high >> 9);
  } else {
    int size_at = form == Form::windows2000 ? 3 : 2, type_at = form == Form::windows2000 ? 2 : 3;
    header.before = bytes->u8(0).value_or(0) * unit;
    header.size = bytes->u8(size_at).value_or(0) * unit;
    header.type = bytes->u8(type_at).value_or(0);
  }
  for (int i = 0; i < 4; ++i) header.tag[i] = bytes->u8(4 + i).value_or(0);
  return header;
}

// The high bit of the last character marks a protected allocation.
std::string tag_text(const std::array<std::uint8_t, 4>& tag) {
  std::string text;
  for (int i = 0; i < 4; ++i) {
    std::uint8_t c = i == 3 ? tag[i] & 0x7F : tag[i];
    text += c >= 0x20 && c < 0x7F ? static_cast<char>(c) : '.';
  }
  return text;
}

struct Walk {
  Form form = Form::x86;
  struct Place {
    std::uint32_t at;
    Header header;
  };
  std::vector<Place> places;
  std::optional<std::uint32_t> broken_at;
  std::string why;
  bool whole() const { return !broken_at; }
};

Walk walk_page(ByteView page, Form form) {
  Walk walk;
  walk.form = form;
  std::uint32_t at = 0, before = 0;
  auto broken = [&](std::string why) {
    walk.broken_at = at;
    walk.why = std::move(why);
  };
  while (at < kPage) {
    auto header = header_at(page, at, form);
    if (!header) {
      broken("the rest of the page is not in the dump");
    } else if (header->size == 0) {
      broken("a block size of 0");
    } else if (header->size > kPage - at) {
      broken(fmt::format("a block of {} bytes, {} beyond the end of the page", hex(header->size),
                         hex(header->size - (kPage - at))));
    } else if (header->before != before) {
      broken(fmt::format("it says that the block before has {} bytes, which has {}",
                         hex(header->before), hex(before)));
    }
    if (walk.broken_at) return walk;
    walk.places.push_back({at, *header});
    before = header->size;
    at += before;
  }
  return walk;
}

void describe_type(PoolBlock& block, std::uint32_t build) {
  if (block.type == 0) {
    block.state = "free";
    return;
  }
  bool odd = (block.type & 1) != 0;
  if (build < kVista) {
    block.state = "allocated";
    block.pool = odd ? "nonpaged" : "paged";
  } else {
    constexpr std::uint8_t kInUse = 2;
    if ((block.type & kInUse) != 0) block.state = "allocated";
    block.pool = odd ? "paged" : "nonpaged";
  }
}

// Data that hold one 32-bit value only, behind two pointers that a free list may have put there.
std::string fill_of(ByteView data, int pointer_size) {
  std::uint64_t skip = 2ull * pointer_size;
  if (data.size() < skip + 8) return "";
  std::uint32_t value = data.u32(skip).value_or(0);
  for (std::uint64_t at = skip; at + 4 <= data.size(); at += 4)
    if (data.u32(at) != value) return "";
  return hex(value, 8);
}

std::string bytes_text(ByteView bytes) {
  std::string numbers, letters;
  for (std::byte b : bytes.span()) {
    auto c = std::to_integer<std::uint8_t>(b);
    numbers += fmt::format("{:02X} ", c);
    letters += c >= 0x20 && c < 0x7F ? static_cast<char>(c) : '.';
  }
  return numbers + " " + letters;
}

void fill_finding(PoolFinding& finding, const Walk& walk, ByteView page, const KernelView& view) {
  std::uint32_t build = view.layout.build();
  finding.form = name_of(walk.form);
  for (const Walk::Place& place : walk.places) {
    PoolBlock block;
    block.address = finding.page + place.at;
    block.size = place.header.size;
    block.tag = tag_text(place.header.tag);
    block.type = place.header.type;
    describe_type(block, build);
    block.asked = finding.asked >= block.address && finding.asked - block.address < block.size;
    if (block.asked) {
      std::uint32_t head = header_size(walk.form);
      finding.fill = fill_of(page.clamp(place.at + head, block.size - head), view.pointer_size);
    }
    finding.blocks.push_back(std::move(block));
  }
  if (walk.whole()) return;
  finding.inconsistent_at = finding.page + *walk.broken_at;
  finding.diagnosis = walk.why;
  if (!finding.blocks.empty())
    finding.diagnosis += fmt::format("; the block before it has tag '{}' and ends here: its owner "
                                     "may have written beyond its end",
                                     finding.blocks.back().tag);
  constexpr std::uint64_t kShown = 32;
  finding.damage = bytes_text(page.clamp(*walk.broken_at, kShown));
}

// Which form fits; nothing, with the reason in `finding`, when that cannot be told.
std::optional<Walk> choose_walk(PoolFinding& finding, ByteView page, const KernelView& view) {
  using arch::Machine;
  std::uint32_t build = view.layout.build();
  Machine machine = view.dump.machine;
  finding.trust = "read";
  if (machine == Machine::x64 || machine == Machine::arm64) {
    Walk walk = walk_page(page, Form::wide);
    if (build < kSegmentHeap || walk.whole()) return walk;
    finding.undecided = "from Windows 10 1903 on pool blocks lie in a segment heap, whose pages "
                        "cannot be walked by block headers";
    return std::nullopt;
  }
  if (machine != Machine::x86) {
    finding.undecided = "no source tells the pool headers of this CPU";
    return std::nullopt;
  }
  if (build >= kXp) return walk_page(page, Form::x86);
  if (build >= kWindows2000) return walk_page(page, Form::windows2000);
  Walk old = walk_page(page, Form::windows2000), later = walk_page(page, Form::x86);
  finding.trust = "self_checked";
  if (old.whole() != later.whole()) return old.whole() ? old : later;
  finding.undecided = "the form of this system's pool headers is not published, and no known one "
                      "fits this page";
  return std::nullopt;
}

} // namespace

std::uint32_t header_size(PoolForm form) { return form == Form::wide ? 16 : 8; }
std::uint32_t unit_of(PoolForm form) {
  return form == Form::wide ? 16 : form == Form::windows2000 ? 32 : 8;
}

std::optional<PoolHeader> read_pool_header(const KernelView& view, std::uint64_t address,
                                           PoolForm form) {
  std::array<std::byte, 16> bytes{};
  auto part = std::span(bytes).first(header_size(form));
  if (!view.memory.copy(address, part)) return std::nullopt;
  auto header = header_at(ByteView(part), 0, form);
  if (!header) return std::nullopt;
  return PoolHeader{header->before, header->size, header->type, tag_text(header->tag)};
}

std::vector<PoolForm> pool_forms(const KernelView& view) {
  using arch::Machine;
  const std::uint32_t build = view.layout.build();
  switch (view.dump.machine) {
  case Machine::x64:
  case Machine::arm64:
    return build < kSegmentHeap ? std::vector{Form::wide} : std::vector<PoolForm>();
  case Machine::x86:
    if (build >= kXp) return {Form::x86};
    if (build >= kWindows2000) return {Form::windows2000};
    return {Form::windows2000, Form::x86};
  case Machine::alpha: return {Form::windows2000, Form::x86};
  default: return {};
  }
}

bool pool_in_use(const KernelView& view, std::uint8_t type) {
  PoolBlock block;
  block.type = type;
  describe_type(block, view.layout.build());
  return block.state == "allocated";
}

PoolFinding read_pool(const KernelView& view, std::uint64_t address, std::string from) {
  PoolFinding finding;
  finding.asked = view.cut(address);
  finding.from = std::move(from);
  finding.page = finding.asked & ~(kPage - 1);
  std::vector<std::byte> bytes(kPage);
  auto outcome = view.memory.read(finding.page, bytes);
  ByteView page(bytes.data(), outcome.got);
  if (!view.is_kernel_address(finding.asked)) {
    finding.undecided = "no address of the kernel";
    return finding;
  }
  if (page.size() < 16) {
    finding.undecided = "its page is not in the dump";
    return finding;
  }
  auto walk = choose_walk(finding, page, view);
  if (!walk) return finding;
  if (walk->places.empty()) {
    finding.undecided = "no block header at the start of its page (" + walk->why +
                        "): an allocation of a page or more, special pool, or no pool at all";
    return finding;
  }
  fill_finding(finding, *walk, page, view);
  return finding;
}

} // namespace dumptriage::system
