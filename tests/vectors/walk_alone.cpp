#include "vectors/walk_alone.h"

namespace dumptriage::vectors {

memory::FlatRanges memory_of(const LaidOut& image, const Snapshot& snapshot) {
  memory::FlatRanges memory;
  const auto add = [&](std::uint64_t address, const Bytes& bytes) {
    memory.add(address, ByteView(bytes.data(), bytes.size()));
  };
  // What the snapshot recorded holds; a segment may hold the stack as the file had it.
  for (const Piece& piece : snapshot.memory) add(piece.address, piece.bytes);
  add(snapshot.backing.address, snapshot.backing.bytes);
  for (const auto* pieces : {&image.segments, &image.elsewhere})
    for (const Piece& piece : *pieces) add(piece.address, piece.bytes);
  add(image.base + LaidOut::kPdata, image.pdata_bytes);
  add(image.base + image.xdata, image.xdata_bytes);
  memory.seal();
  return memory;
}

std::size_t walk_alone(const LaidOut& image, const Snapshot& snapshot, Score& score) {
  const arch::Arch& cpu = *arch::find(image.machine);
  const memory::FlatRanges memory = memory_of(image, snapshot);
  const LaidOutTable table(image);
  arch::Registers registers = start_of(snapshot, image.machine);
  std::size_t effort = std::size_t{1} << 20;
  std::shared_ptr<void> kept;
  Judge judge(score, snapshot, image.machine);
  for (bool first = true; !judge.done(); first = false) {
    auto caller =
        cpu.unwind_by_data({registers, memory, table, first, std::nullopt, &effort, &kept});
    if (!caller) {
      const Error& error = caller.error().error;
      judge.unsupported(error.what + ": " + error.why, ", " + error.where.to_string());
    } else if (!caller->proved) {
      judge.unsupported("not proved: " + caller->unproved);
    } else {
      registers = caller->registers;
      judge.caller(registers, memory);
    }
  }
  return judge.next();
}

} // namespace dumptriage::vectors
