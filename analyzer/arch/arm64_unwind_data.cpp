// ARM64 unwind data in one shape: .xdata as it stands there, packed data written out as the codes
// of the canonical prologue and epilogue that it stands for.
//
// Source: "ARM64 exception handling", learn.microsoft.com.  Two points that the page leaves open
// are taken from Microsoft's unwinder in dotnet/runtime: with H set but no register saved x0 ... x7
// are stored behind the prologue, in the locals; and x19 with lr alone is saved behind an
// allocation of its own.
#include <algorithm>

#include "arch/arm64_frame.h"

namespace dumptriage::arch::arm64 {

using namespace formats;

std::size_t size_of_code(std::uint8_t first) {
  if (first < kArm64AllocM) return 1;
  if (first < kArm64AllocL) return 2;
  switch (first) {
  case kArm64AllocL: return 4;
  case kArm64AddFp: return 2;
  case kArm64SaveAnyReg: return 3;
  default: break;
  }
  const bool reserved = first >= kArm64Reserved2 && first < kArm64PacSignLr;
  return reserved ? first - kArm64Reserved2 + 2u : 1;
}

int instructions_of_code(std::uint8_t first) {
  return first >= kArm64TrapFrame && first < kArm64Reserved2 ? 0 : 1;
}

std::uint32_t instructions_of(const UnwindData& data, std::size_t index) {
  std::uint32_t count = 0;
  while (index < data.codes.size()) {
    const std::uint8_t code = data.codes[index];
    if (code == kArm64End || code == kArm64EndC) break;
    count += static_cast<std::uint32_t>(instructions_of_code(code));
    index += size_of_code(code);
  }
  return count;
}

namespace {

// The canonical prologue of packed data, instruction by instruction.
class Prologue {
public:
  explicit Prologue(PackedUnwindArm64 packed) : packed_(packed) {}

  bool write() {
    const bool saves_lr = packed_.cr() == kArm64UnchainedSavesLr;
    const std::uint32_t ints = packed_.reg_i() * 8 + (saves_lr ? 8 : 0);
    const std::uint32_t floats = packed_.reg_f() != 0 ? packed_.reg_f() * 8 + 8 : 0;
    const bool homes = packed_.homes() && ints + floats != 0;
    save_area_ = (ints + floats + (homes ? 64 : 0) + 15) & ~15u;
    if (packed_.reg_i() > 10 || packed_.frame_size() < save_area_) return false;
    if (packed_.cr() == kArm64ChainedSigned) add({kArm64PacSignLr});
    save_integers(saves_lr);
    save_floats(floats / 8);
    for (int i = 0; homes && i < 4; ++i) add({kArm64Nop});
    return allocate(packed_.frame_size() - save_area_);
  }
  // Codes of the prologue, then of the epilogue; `epilogue` is where the latter begin.
  std::vector<std::uint8_t> codes(unsigned& epilogue) const {
    std::vector<std::uint8_t> out;
    if (packed_.flag() == kArm64FlagPackedFragment) out.push_back(kArm64EndC);
    append(out, false);
    epilogue = static_cast<unsigned>(out.size());
    append(out, true);
    return out;
  }

private:
  using Code = std::vector<std::uint8_t>;
  void add(Code code) { done_.push_back(std::move(code)); }
  void append(std::vector<std::uint8_t>& out, bool epilogue) const {
    for (auto code = done_.rbegin(); code != done_.rend(); ++code)
      if (!epilogue || (code->front() != kArm64Nop && code->front() != kArm64SetFp))
        out.insert(out.end(), code->begin(), code->end());
    out.push_back(kArm64End);
  }
  // An operation of two bytes with a register in the bits above `offset_bits`.
  void two(unsigned operation, unsigned reg, unsigned offset, unsigned offset_bits) {
    const unsigned value = operation << 8 | reg << offset_bits | offset;
    add({static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)});
  }
  // A save at the next slot; the first of all makes the room for the whole area.
  void save(unsigned at_offset, unsigned pre_indexed, unsigned pre_bits, unsigned reg,
            unsigned registers) {
    if (slot_ == 0 && !made_room_)
      two(pre_indexed, reg, save_area_ / 8 - 1, pre_bits);
    else
      two(at_offset, reg, slot_, 6);
    made_room_ = true;
    slot_ += registers;
  }
  void save_integers(bool lr) {
    const unsigned count = packed_.reg_i();
    if (count == 1 && lr) { // no code saves this pair and makes room
      alloc(save_area_);
      made_room_ = true;
    }
    for (unsigned reg = 0; reg + 1 < count; reg += 2)
      save(kArm64SaveRegP, kArm64SaveRegPX, 6, reg, 2);
    if (count % 2 == 1 && lr) {
      two(kArm64SaveLrPair, count / 2, slot_, 6);
      slot_ += 2;
    } else if (count % 2 == 1) {
      save(kArm64SaveReg, kArm64SaveRegX, 5, count - 1, 1);
    } else if (lr) {
      save(kArm64SaveReg, kArm64SaveRegX, 5, kLr - 19, 1);
    }
  }
  void save_floats(unsigned count) {
    for (unsigned reg = 0; reg + 1 < count; reg += 2)
      save(kArm64SaveFRegP, kArm64SaveFRegPX, 6, reg, 2);
    if (count % 2 == 1) save(kArm64SaveFReg, kArm64SaveFRegX, 5, count - 1, 1);
  }
  void alloc(std::uint32_t size) {
    if (size == 0) return;
    if (size < 512)
      add({static_cast<std::uint8_t>(kArm64AllocS | size / 16)});
    else
      two(kArm64AllocM, 0, size / 16, 0);
  }
  // Locals, with the pair of fp and lr at their lower end in a chained function.
  bool allocate(std::uint32_t size) {
    constexpr std::uint32_t kMostAtOnce = 4080, kMostPreIndexed = 512;
    const bool chained = packed_.cr() >= kArm64ChainedSigned;
    if (chained && size == 0) return false;
    if (chained && size <= kMostPreIndexed) {
      add({static_cast<std::uint8_t>(kArm64SaveFpLrX | (size / 8 - 1))});
    } else {
      alloc(std::min(size, kMostAtOnce));
      if (size > kMostAtOnce) alloc(size - kMostAtOnce);
      if (chained) add({kArm64SaveFpLr});
    }
    if (chained) add({kArm64SetFp});
    return true;
  }

  PackedUnwindArm64 packed_;
  std::uint32_t save_area_ = 0;
  unsigned slot_ = 0; // of 8 bytes, in the save area
  bool made_room_ = false;
  std::vector<Code> done_;
};

} // namespace

std::expected<UnwindData, UnwindFailure> expand_packed(std::uint32_t value, std::uint64_t address) {
  const PackedUnwindArm64 packed{value};
  Prologue prologue(packed);
  if (packed.flag() == kArm64FlagReserved || !prologue.write())
    return method_failed(Code::bad_value, "packed unwind data", "its fields contradict each other",
                         address);
  UnwindData data;
  data.address = address;
  data.length = packed.function_length();
  unsigned epilogue = 0;
  data.codes = prologue.codes(epilogue);
  if (packed.flag() == kArm64FlagPacked) {
    const std::uint32_t size = 4 * (instructions_of(data, epilogue) + 1); // with the return
    if (size <= data.length) data.epilogues.push_back({data.length - size, epilogue});
  }
  return data;
}

std::expected<UnwindData, UnwindFailure> read_xdata(Reader& reader, std::uint64_t address) {
  auto header = reader.get<XdataHeaderArm64>(address, ".xdata record");
  if (!header) return std::unexpected(header.error());
  if (header->version() != 0)
    return method_failed(Code::unsupported, ".xdata record",
                         "version " + std::to_string(header->version()), address);
  std::uint64_t at = address + sizeof(*header);
  unsigned epilogues = header->epilogue_count(), words = header->code_words();
  if (header->extended()) {
    auto extension = reader.get<XdataExtensionArm64>(at, ".xdata record");
    if (!extension) return std::unexpected(extension.error());
    epilogues = extension->epilogue_count();
    words = extension->code_words();
    at += sizeof(*extension);
  }
  UnwindData data;
  data.address = address;
  data.length = header->function_length();
  auto scopes = reader.array<EpilogueScopeArm64>(at, header->epilogue_in_header() ? 0 : epilogues,
                                                 "epilog scopes");
  if (!scopes) return std::unexpected(scopes.error());
  for (const EpilogueScopeArm64& scope : *scopes)
    data.epilogues.push_back({scope.start(), scope.code_index()});
  at += scopes->size() * sizeof(EpilogueScopeArm64);
  auto codes = reader.array<std::uint8_t>(at, 4 * words, "unwind codes");
  if (!codes) return std::unexpected(codes.error());
  data.codes = std::move(*codes);
  if (header->epilogue_in_header()) {
    const std::uint32_t size = 4 * (instructions_of(data, epilogues) + 1);
    if (size <= data.length) data.epilogues.push_back({data.length - size, epilogues});
  }
  return data;
}

} // namespace dumptriage::arch::arm64
