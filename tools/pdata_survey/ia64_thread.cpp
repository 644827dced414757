#include "ia64_thread.h"

namespace dumptriage::survey {

using arch::Ia64Instruction;

namespace {

std::int64_t sign_extend(std::uint64_t value, int width) {
  return static_cast<std::int64_t>(value << (64 - width)) >> (64 - width);
}

} // namespace

Ia64Thread::Ia64Thread() {
  for (unsigned i = 1; i < 128; ++i) {
    gr[i] = made_up(i);
    ar[i] = made_up(1000 + i);
    fr[i] = made_up(2000 + i);
  }
  for (unsigned i = 0; i < 8; ++i) br[i] = made_up(3000 + i);
  preds = made_up(4000) | 1;
  gr[12] = kSp;
  br[0] = kReturn;
  ar[64] = kPfs;
}

void Ia64Thread::set(unsigned reg, std::uint64_t value) {
  if (reg != 0) gr[reg] = value;
}

void Ia64Thread::call() {
  for (unsigned reg : {1u, 2u, 3u, 8u, 9u, 10u, 11u}) gr[reg] = kGarbage;
  for (unsigned reg = 14; reg < 32; ++reg) gr[reg] = kGarbage;
  const unsigned kept = marker >> 7 & 127;
  for (unsigned reg = 32 + kept; reg < 128; ++reg) gr[reg] = kGarbage;
  br[0] = br[6] = br[7] = kGarbage;
  ar[64] = kGarbage;
}

bool Ia64Thread::step_memory(const Ia64Instruction& in, Memory& memory) {
  const unsigned opcode = in.opcode();
  if (opcode < 4 || opcode > 7) return false;
  arch::CodeLine line;
  arch::write_ia64_memory(in, line);
  const auto base = static_cast<unsigned>(in.bits(20, 7));
  const auto target = static_cast<unsigned>(in.bits(6, 7)),
             source = static_cast<unsigned>(in.bits(13, 7));
  const bool store = line.text.starts_with("st"),
             floating = line.text.find("=f") != std::string::npos || line.text.starts_with("ldf");
  if (line.text.starts_with("setf")) {
    fr[target] = kGarbage;
  } else if (line.text.starts_with("getf")) {
    set(target, kGarbage);
  } else if (store && floating) {
    memory.put(gr[base], fr[source]);
    if (line.access && line.access->size == 16) memory.put(gr[base] + 8, ~fr[source]);
  } else if (store) {
    memory.put(gr[base], line.access && line.access->size == 8 ? gr[source] : kGarbage);
  } else if (floating) {
    fr[target] =
        line.text.starts_with("ldf.fill") ? memory.word(gr[base]).value_or(kGarbage) : kGarbage;
    if (line.text.starts_with("ldfp")) fr[source] = kGarbage;
  } else if (!line.text.starts_with("lfetch")) {
    const bool whole = line.text.starts_with("ld8");
    set(target, whole ? memory.word(gr[base]).value_or(kGarbage) : kGarbage);
    if (target == 12) sp_known = gr[12] <= kSp && gr[12] > kSp - 0x100000;
  }
  if (opcode == 5 || opcode == 7) {
    const int low = store ? 6 : 13;
    const auto raw = in.bits(low, 7) | in.bits(27, 1) << 7;
    set(base, gr[base] + raw - (in.bits(36, 1) ? 256 : 0));
  } else if (in.bits(36, 1) && !in.bits(27, 1)) {
    set(base, gr[base] + gr[source]);
  } else if (in.bits(36, 1)) {
    set(base, gr[base] + (line.access ? line.access->size : 0));
  }
  return true;
}

bool Ia64Thread::step_m(const Ia64Instruction& in) {
  if (in.opcode() > 1) return false;
  const auto x3 = in.bits(33, 3), x6 = in.bits(27, 6);
  const auto r1 = static_cast<unsigned>(in.bits(6, 7)), r2 = static_cast<unsigned>(in.bits(13, 7)),
             ar3 = static_cast<unsigned>(in.bits(20, 7));
  if (in.opcode() == 0) return true;
  if (x3 == 6) { // alloc
    marker = r2 | std::uint64_t{ar3} << 7 | in.bits(27, 4) << 14;
    set(r1, ar[64]);
  } else if (x3 == 0 && x6 == 0x22) {
    set(r1, ar[ar3]);
  } else if (x3 == 0 && x6 == 0x2A) {
    ar[ar3] = gr[r2];
  } else if (x3 == 0) {
    set(r1, kGarbage);
  }
  return true;
}

bool Ia64Thread::step_i(const Ia64Instruction& in) {
  const auto x3 = in.bits(33, 3), x6 = in.bits(27, 6);
  const auto r1 = static_cast<unsigned>(in.bits(6, 7)), r2 = static_cast<unsigned>(in.bits(13, 7)),
             ar3 = static_cast<unsigned>(in.bits(20, 7));
  if (in.opcode() == 5 && in.bits(34, 2) == 0 && in.bits(33, 1) == 0) return true; // tbit, tnat
  if (in.opcode() >= 4 && in.opcode() <= 7) {
    set(r1, kGarbage);
    return true;
  }
  if (in.opcode() != 0) return false;
  if (x3 == 7)
    br[in.bits(6, 3)] = gr[r2];
  else if (x3 == 3) {
    const auto mask = static_cast<std::uint64_t>(
        sign_extend(in.bits(6, 7) << 1 | in.bits(24, 8) << 8 | in.bits(36, 1) << 16, 17));
    preds = (preds & ~mask) | (gr[r2] & mask) | 1;
  } else if (x3 != 0)
    return true;
  else if (x6 == 0x31)
    set(r1, br[r2 & 7]);
  else if (x6 == 0x33)
    set(r1, preds);
  else if (x6 == 0x32)
    set(r1, ar[ar3]);
  else if (x6 == 0x2A)
    ar[ar3] = gr[r2];
  else if (x6 == 0x0A)
    ar[ar3] = kGarbage;
  else if (x6 > 1)
    set(r1, kGarbage); // sxt, zxt, czx, mov r = ip
  return true;
}

bool Ia64Thread::step_a(const Ia64Instruction& in) {
  const unsigned opcode = in.opcode();
  const auto r1 = static_cast<unsigned>(in.bits(6, 7)), r2 = static_cast<unsigned>(in.bits(13, 7)),
             r3 = static_cast<unsigned>(in.bits(20, 7));
  if (opcode >= 0xC && opcode <= 0xE) { // compares: p1 in bits 11:6, p2 in 32:27
    preds =
        (preds ^ (std::uint64_t{1} << in.bits(6, 6)) ^ (std::uint64_t{1} << in.bits(27, 6))) | 1;
    return true;
  }
  if (opcode != 8 && opcode != 9) return false;
  std::uint64_t value = kGarbage;
  bool known = true;
  if (opcode == 9) { // addl
    value = gr[in.bits(20, 2)] +
            static_cast<std::uint64_t>(sign_extend(in.bits(13, 7) | in.bits(27, 9) << 7 |
                                                       in.bits(22, 5) << 16 | in.bits(36, 1) << 21,
                                                   22));
  } else if (in.bits(34, 2) == 2 && !in.bits(33, 1)) { // adds
    value = gr[r3] + static_cast<std::uint64_t>(sign_extend(
                         in.bits(13, 7) | in.bits(27, 6) << 7 | in.bits(36, 1) << 13, 14));
  } else if (in.bits(34, 2) == 0 && !in.bits(33, 1) && in.bits(29, 4) == 0) { // add
    value = gr[r2] + gr[r3] + in.bits(27, 2);
  } else if (in.bits(34, 2) == 0 && !in.bits(33, 1) && in.bits(29, 4) == 1) { // sub
    value = gr[r2] - gr[r3] - 1 + in.bits(27, 2);
  } else {
    known = false;
  }
  set(r1, value);
  if (r1 == 12) sp_known = known && gr[12] <= kSp && gr[12] > kSp - 0x100000;
  return true;
}

void Ia64Thread::step(const Ia64Instruction& in, Memory& memory) {
  if (arch::is_ia64_call(in)) return call();
  if (in.bits(0, 6) != 0 && in.opcode() != 1) return; // predicated: as if not taken
  if (in.unit == 'X' && in.opcode() == 6)
    set(static_cast<unsigned>(in.bits(6, 7)), in.bits(13, 7) | in.bits(27, 9) << 7 |
                                                  in.bits(22, 5) << 16 | in.bits(21, 1) << 21 |
                                                  in.long_word << 22 | in.bits(36, 1) << 63);
  if (in.unit == 'F') {
    const bool compares = in.opcode() == 4 || in.opcode() == 5;
    const bool nothing = in.opcode() == 0 && in.bits(33, 1) == 0 && in.bits(27, 6) <= 8;
    if (!compares && !nothing) fr[in.bits(6, 7)] = kGarbage;
  }
  if (in.unit == 'M' && (step_memory(in, memory) || step_m(in) || step_a(in))) return;
  if (in.unit == 'I' && !step_a(in)) step_i(in);
}

arch::Registers Ia64Thread::registers(std::uint64_t pc) const {
  arch::Registers r;
  for (int i = 0; i < 32; ++i) r.set(i, gr[static_cast<std::size_t>(i)]);
  for (int i = 0; i < 8; ++i) r.set(arch::kIa64Rp + i, br[static_cast<std::size_t>(i)]);
  r.set(arch::kIa64Pfs, ar[64]);
  r.set(arch::kIa64Bsp, kBsp);
  r.set(arch::kIa64BspStore, arch::ia64_skip(kBsp, 100));
  r.set(arch::kIa64Rnat, 0);
  r.set(arch::kIa64Iip, pc);
  r.set(arch::kIa64Ifs, marker);
  r.set(arch::kIa64Preds, preds);
  r.set(arch::kIa64Unat, ar[36]);
  r.set(arch::kIa64Lc, ar[65]);
  r.set(arch::kIa64Fpsr, ar[40]);
  r.set(arch::kIa64Nats, 0);
  for (int n = 2; n < 32; ++n) {
    if (arch::ia64_float(n) < 0) continue;
    r.set(arch::ia64_float(n), fr[static_cast<std::size_t>(n)]);
    r.set(arch::ia64_float(n) + 1, ~fr[static_cast<std::size_t>(n)]);
  }
  return r;
}

void Ia64Thread::store_stacked(Memory& memory) const {
  for (unsigned i = 0; i < 96; ++i) memory.put(arch::ia64_skip(kBsp, i), gr[32 + i]);
  for (std::uint64_t at = kBsp; at < kBsp + 0x400; at += 8)
    if (arch::ia64_is_nat_collection(at)) memory.put(at, 0);
}

} // namespace dumptriage::survey
