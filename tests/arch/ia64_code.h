// Bundles of Itanium laid down by hand, and what objdump says about code.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace dumptriage::arch {

inline std::vector<std::uint8_t> ia64_bundle_bytes(unsigned template_code, std::uint64_t slot0,
                                                   std::uint64_t slot1, std::uint64_t slot2) {
  std::vector<std::uint8_t> bytes(16);
  const auto put = [&](unsigned at, unsigned width, std::uint64_t value) {
    for (unsigned bit = 0; bit < width; ++bit)
      if (value >> bit & 1) bytes[(at + bit) / 8] |= static_cast<std::uint8_t>(1 << (at + bit) % 8);
  };
  put(0, 5, template_code);
  put(5, 41, slot0);
  put(46, 41, slot1);
  put(87, 41, slot2);
  return bytes;
}

// "(p06) ld8 r14=[r15];;" and the like in one form: no template, no needless zeros, no stop.
inline std::string plain_ia64_text(std::string text) {
  if (const auto end = text.find(']'); text.starts_with("[") && end != std::string::npos)
    text.erase(0, end + 1);
  text.erase(0, text.find_first_not_of(' '));
  text.erase(text.find_last_not_of(' ') + 1);
  if (text.ends_with(";;")) text.resize(text.size() - 2);
  if (text.starts_with("(p0")) text.erase(2, 1);
  if (text.ends_with("hint.m 0")) text.insert(text.size() - 1, "0x");
  return text;
}

struct ObjdumpAnswer {
  std::vector<std::uint8_t> code;
  std::map<std::uint64_t, std::string> texts; // by bundle + 4 * slot
};

// objdump numbers slots by their first byte: 0, 6, 12.
inline std::uint64_t ia64_pc_of(std::uint64_t address) {
  return (address & ~std::uint64_t{15}) + (address & 15) / 6 * 4;
}

// The lines of tests/data/ia64/code.txt, or of objdump itself when they have its blanks.
inline ObjdumpAnswer read_objdump(std::istream& lines) {
  ObjdumpAnswer answer;
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string address, bytes, text;
    if (!std::getline(fields, address, '\t') || !std::getline(fields, bytes, '\t')) continue;
    std::getline(fields, text);
    std::istringstream numbers(bytes);
    for (unsigned byte = 0; numbers >> std::hex >> byte;)
      answer.code.push_back(static_cast<std::uint8_t>(byte));
    if (!text.empty())
      answer.texts[ia64_pc_of(std::stoull(address, nullptr, 16))] = plain_ia64_text(text);
  }
  return answer;
}

inline bool ia64_objdump_is_here() {
  return std::system("ia64-linux-gnu-objdump --version >/dev/null 2>&1") == 0;
}
inline ObjdumpAnswer ask_ia64_objdump(std::span<const std::uint8_t> code, std::uint64_t address,
                                      const std::filesystem::path& file) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(code.data()), static_cast<std::streamsize>(code.size()));
  const std::string command = "ia64-linux-gnu-objdump -z -D -b binary -m ia64-elf64 --adjust-vma=" +
                              std::to_string(address) + " '" + file.string() + "'";
  std::string output;
  if (FILE* pipe = popen(command.c_str(), "r")) {
    std::array<char, 4096> piece{};
    while (const std::size_t got = fread(piece.data(), 1, piece.size(), pipe))
      output.append(piece.data(), got);
    pclose(pipe);
  }
  std::filesystem::remove(file);
  std::istringstream lines(output);
  return read_objdump(lines);
}

} // namespace dumptriage::arch
