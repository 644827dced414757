#include "synth/cpu_contexts.h"

#include <stdexcept>

namespace dumptriage::synth {
namespace {

// 11_alpha.md section 3, [P: calling standard, table 2-1].
constexpr const char* kAlphaNames[32] = {"v0",  "t0",  "t1", "t2",  "t3", "t4", "t5", "t6",
                                         "t7",  "s0",  "s1", "s2",  "s3", "s4", "s5", "fp",
                                         "a0",  "a1",  "a2", "a3",  "a4", "a5", "t8", "t9",
                                         "t10", "t11", "ra", "t12", "at", "gp", "sp", "zero"};

std::size_t alpha_offset(const std::string& name) {
  if (name == "fir" || name == "pc") return 0x210;
  if (name == "psr") return 0x218;
  if (name == "fpcr") return 0x200;
  for (int i = 0; i < 32; ++i) {
    if (name == kAlphaNames[i] || name == "r" + std::to_string(i)) return 0x100 + 8 * i;
    if (name == "f" + std::to_string(i)) return 8 * i;
  }
  throw std::out_of_range("Alpha has no register " + name);
}

struct Named {
  const char* name;
  std::size_t offset;
};
constexpr Named kIa64Names[] = {
    {"gp", 0x878},   {"sp", 0x8D0},   {"tp", 0x8D8},   {"nats", 0x970},     {"pr", 0x978},
    {"rp", 0x980},   {"unat", 0x9C0}, {"lc", 0x9C8},   {"ec", 0x9D0},       {"ccv", 0x9D8},
    {"dcr", 0x9E0},  {"pfs", 0x9E8},  {"bsp", 0x9F0},  {"bspstore", 0x9F8}, {"rsc", 0xA00},
    {"rnat", 0xA08}, {"fpsr", 0x870}, {"ipsr", 0xA10}, {"iip", 0xA18},      {"ifs", 0xA20}};

std::size_t ia64_offset(const std::string& name) {
  for (const Named& named : kIa64Names)
    if (name == named.name) return named.offset;
  for (int i = 1; i < 32; ++i)
    if (name == "r" + std::to_string(i)) return 0x878 + 8 * (i - 1);
  for (int i = 0; i < 8; ++i)
    if (name == "b" + std::to_string(i)) return 0x980 + 8 * i;
  for (int i = 2; i < 128; ++i) { // 16 bytes each, the significand first
    if (name == "f" + std::to_string(i)) return 0x90 + 16 * (i - 2);
    if (name == "f" + std::to_string(i) + "h") return 0x98 + 16 * (i - 2);
  }
  throw std::out_of_range("Itanium has no register " + name);
}

} // namespace

std::uint64_t skip_registers(std::uint64_t address, std::int64_t registers) {
  std::int64_t delta = static_cast<std::int64_t>(address >> 3 & 63) + registers;
  if (registers < 0) delta -= 62;
  return address + static_cast<std::uint64_t>(8 * (registers + delta / 63));
}

Bytes context_alpha(const RegisterValues& values, std::uint32_t flags) {
  Bytes out(0x230);
  for (const auto& [name, value] : values)
    put(out, alpha_offset(name), value, name == "psr" ? 4 : 8);
  put32(out, 0x21C, 0x00020000 | flags);
  return out;
}

Bytes context_ia64(const RegisterValues& values, RsBsp convention, std::uint32_t flags) {
  Bytes out(0xA70);
  auto value_of = [&](const char* name) {
    auto found = values.find(name);
    return found == values.end() ? 0 : found->second;
  };
  for (const auto& [name, value] : values) put64(out, ia64_offset(name), value);
  const std::uint64_t iip = value_of("iip"), slot = iip >> 2 & 3;
  put64(out, 0xA18, iip & ~std::uint64_t{15});
  put64(out, 0xA10, (value_of("ipsr") & ~(std::uint64_t{3} << 41)) | slot << 41);
  put64(out, 0xA20, value_of("ifs") | std::uint64_t{1} << 63);
  std::uint64_t bsp = value_of("bsp");
  if (convention == RsBsp::top) // sof, bits 6:0 of the frame marker
    bsp = skip_registers(bsp, static_cast<std::int64_t>(value_of("ifs") & 0x7F));
  put64(out, 0x9F0, bsp);
  if (!values.contains("bspstore")) put64(out, 0x9F8, bsp);
  put32(out, 0, 0x00080000 | flags);
  return out;
}

} // namespace dumptriage::synth
