// What a file is, in one sentence, from its first bytes and its size.
#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "dump/dump.h"
#include "dump/kernel_reading.h"
#include "dump/userdump.h"

namespace dumptriage::dump {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::uint64_t offset;
  std::string_view bytes;
  std::string_view description;
};
// Published signatures of files that lie about beside dumps, or that hold them.
constexpr Magic kMagics[] = {
    {0,
     "Microsoft C/C++ MSF 7.00\r\n\x1a"sv
     "DS"sv,
     "PDB 7.00 symbol file"},
    {0,
     "Microsoft C/C++ program database 2.00\r\n\x1a"sv
     "JG"sv,
     "PDB 2.00 symbol file"},
    {0, "BSJB\x01\x00\x01\x00"sv, "portable PDB symbol file (.NET)"},
    {0, "PK\x03\x04"sv, "ZIP archive"},
    {0, "PK\x05\x06"sv, "ZIP archive, empty"},
    {0, "PK\x07\x08"sv, "ZIP archive, part of a set"},
    {0, "MSCF\0\0\0\0"sv, "cabinet archive"},
    {0, "7z\xBC\xAF\x27\x1C"sv, "7z archive"},
    {0, "Rar!\x1A\x07"sv, "RAR archive"},
    {0, "\x1F\x8B"sv, "gzip compressed file"},
    {0,
     "\xFD"sv
     "7zXZ\0"sv,
     "xz compressed file"},
    {0, "\x28\xB5\x2F\xFD"sv, "zstd compressed file"},
    {0, "\x04\x22\x4D\x18"sv, "LZ4 compressed file"},
    {4, "1AY&SY"sv, "bzip2 compressed file"},
    {0, "SZDD\x88\xF0\x27\x33"sv, "file compressed by COMPRESS.EXE (SZDD)"},
    {0, "KWAJ\x88\xF0\x27\xD1"sv, "file compressed by COMPRESS.EXE (KWAJ)"},
    {257, "ustar"sv, "tar archive"},
    {0, "\xFE\xED\xFA\xCE"sv, "Mach-O file, 32-bit"},
    {0, "\xCE\xFA\xED\xFE"sv, "Mach-O file, 32-bit"},
    {0, "\xFE\xED\xFA\xCF"sv, "Mach-O file, 64-bit"},
    {0, "\xCF\xFA\xED\xFE"sv, "Mach-O file, 64-bit"},
    {0, "hibr"sv, "Windows hibernation file"},
    {0, "HIBR"sv, "Windows hibernation file"},
    {0, "wake"sv, "Windows hibernation file, already resumed from"},
    {0, "WAKE"sv, "Windows hibernation file, already resumed from"},
    {0, "RSTR"sv, "Windows hibernation file, resumed from in part"},
    {0, "\xD0\xBE\xD2\xBE"sv, "VMware suspend or snapshot state"},
    {0, "\xD1\xBA\xD1\xBA"sv, "VMware suspend or snapshot state"},
    {0, "\xD2\xBE\xD2\xBE"sv, "VMware suspend or snapshot state"},
    {0, "\xD3\xBE\xD3\xBE"sv, "VMware suspend or snapshot state"},
    {0, "KDMV"sv, "VMware disk image"},
    {0, "vhdxfile"sv, "Hyper-V disk image (VHDX)"},
    {0, "conectix"sv, "Hyper-V disk image (VHD)"},
    {0, "QFI\xFB"sv, "QEMU disk image"},
    {0, "QEVM"sv, "QEMU saved machine state"},
    {0,
     "\x7F"
     "VirtualBox SavedState"sv,
     "VirtualBox saved machine state"},
    {0, "regf"sv, "Windows registry hive"},
    {0, "ElfFile\0"sv, "Windows event log"},
    {0, "\x30\0\0\0LfLe"sv, "Windows NT event log"},
    {0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "OLE compound file"},
    {0, "%PDF-"sv, "PDF document"},
    {0, "\x89PNG\r\n\x1a\n"sv, "PNG image"},
    {0, "MODULE windows "sv, "Breakpad symbol file"},
    {0, "MODULE Linux "sv, "Breakpad symbol file"},
    {0, "MODULE mac "sv, "Breakpad symbol file"},
    {0, "<?xml"sv, "XML text"},
    {0, "\xEF\xBB\xBF<?xml"sv, "XML text"},
    {0, "\xFF\xFE<\0?\0x\0"sv, "XML text, UTF-16"},
    {0, "\xFF\xFE"sv, "UTF-16 text"},
};

Identity other(std::string description) { return {false, false, std::move(description)}; }
Identity unread_dump(std::string description) { return {true, false, std::move(description)}; }

std::string machine_suffix(arch::Machine machine) {
  return machine == arch::Machine::unknown ? "" : fmt::format(" ({})", arch::name_of(machine));
}

// e_type and e_machine of the System V ABI; big-endian files say so in e_ident[5].
std::string describe_elf(ByteView file) {
  std::uint8_t order = file.u8(5).value_or(1), width = file.u8(4).value_or(0);
  auto half = [&](std::uint64_t at) {
    std::uint16_t value = file.u16(at).value_or(0);
    return order == 2 ? static_cast<std::uint16_t>(value << 8 | value >> 8) : value;
  };
  std::string_view type = "file";
  switch (half(16)) {
  case 1: type = "object file"; break;
  case 2: type = "executable"; break;
  case 3: type = "shared object"; break;
  case 4: type = "core"; break;
  }
  std::string_view machine;
  switch (half(18)) {
  case 3: machine = ", x86"; break;
  case 40: machine = ", arm"; break;
  case 62: machine = ", x64"; break;
  case 183: machine = ", arm64"; break;
  }
  std::string_view bits = width == 1 ? ", 32-bit" : width == 2 ? ", 64-bit" : "";
  return fmt::format("ELF {}{}{}", type, bits, machine);
}

// "MZ" alone is a DOS program; the PE header lies where e_lfanew says.
std::string describe_mz(ByteView file) {
  std::uint64_t at = file.u32(0x3C).value_or(0);
  auto magic = file.slice(at, 4);
  if (!magic || at == 0) return "DOS executable";
  if (magic->chars().starts_with("NE")) return "16-bit Windows executable (NE)";
  if (magic->chars().starts_with("LE")) return "virtual device driver (LE)";
  if (magic->chars() != "PE\0\0"sv) return "DOS executable";
  arch::Machine machine = arch::machine_of_image_file(file.u16(at + 4).value_or(0));
  constexpr std::uint16_t kDll = 0x2000;
  bool dll = file.u16(at + 22).value_or(0) & kDll;
  return fmt::format("PE {}{}", dll ? "DLL" : "executable", machine_suffix(machine));
}

// 0xCAFEBABE starts both; a universal binary holds a handful of architectures, a class file's
// version number is 45 or more.
std::string describe_cafebabe(ByteView file) {
  std::uint32_t count = static_cast<std::uint32_t>(file.u8(4).value_or(0)) << 24 |
                        file.u8(5).value_or(0) << 16 | file.u8(6).value_or(0) << 8 |
                        file.u8(7).value_or(0);
  return count < 45 ? "Mach-O universal binary" : "Java class file";
}

constexpr std::uint64_t kLooked = 1 << 20; // bytes looked at where a signature does not settle it

bool all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes.span(), [](std::byte b) { return b == std::byte{0}; });
}

bool looks_like_text(ByteView bytes) {
  return std::ranges::all_of(bytes.chars(), [](char c) {
    auto u = static_cast<unsigned char>(c);
    return u >= 0x20 ? u != 0x7F : u == '\t' || u == '\r' || u == '\n' || u == '\f' || u == 0x1B;
  });
}

// A signature that is a plain word may as well begin a letter.
bool is_plain_word(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; });
}

bool matches(const Magic& magic, ByteView file) {
  auto bytes = file.slice(magic.offset, magic.bytes.size());
  if (!bytes || bytes->chars() != magic.bytes) return false;
  return !is_plain_word(magic.bytes) || !looks_like_text(file.clamp(0, 512));
}

std::string describe_unknown(ByteView file) {
  if (all_zero(file.clamp(0, kLooked)))
    return file.size() <= kLooked ? "file of zero bytes only"
                                  : "file that begins with 1 MB of zeros";
  if (looks_like_text(file.clamp(0, 4096))) return "text file";
  return "raw data (unknown)";
}

// "PAGE" without a valid-dump mark: the second word keeps its filler until the dump is whole.
bool is_unfinished_kernel_dump(ByteView file) {
  std::string_view start = file.clamp(0, 8).chars();
  return start == "PAGEPAGE" || (start.starts_with("PAGE") && !looks_like_text(file.clamp(0, 512)));
}

} // namespace

Identity identify(ByteView file) {
  auto sized = [&](std::string text) {
    return fmt::format("{}, {}", std::move(text), readable_size(file.size()));
  };
  std::string_view start = file.clamp(0, 8).chars();
  if (file.empty()) return other("empty file");
  if (is_minidump(file)) return {true, true, sized(describe_minidump(file))};
  if (is_kernel_dump(file)) return {true, true, describe_kernel_dump(file)};
  if (is_userdump(file)) return {true, true, sized(describe_userdump(file))};
  if (is_unfinished_kernel_dump(file))
    return unread_dump(
        sized("kernel dump that was never finished (no valid-dump mark), or a page file"));
  if (start.starts_with("\x7F"
                        "ELF"))
    return other(sized(describe_elf(file)));
  if (start.starts_with("MZ") && file.size() >= 28) return other(sized(describe_mz(file)));
  if (start.starts_with("\xCA\xFE\xBA\xBE")) return other(sized(describe_cafebabe(file)));
  if (start.starts_with("DI") &&
      arch::machine_of_image_file(file.u16(4).value_or(0)) != arch::Machine::unknown)
    return other(sized(fmt::format("DBG symbol file{}",
                                   machine_suffix(arch::machine_of_image_file(*file.u16(4))))));
  for (const Magic& magic : kMagics)
    if (matches(magic, file)) return other(sized(std::string(magic.description)));
  return other(sized(describe_unknown(file)));
}

} // namespace dumptriage::dump
