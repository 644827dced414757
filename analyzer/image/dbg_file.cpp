#include "image/dbg_file.h"

#include <fmt/format.h>

#include "base/text.h"
#include "formats/dbg.h"
#include "formats/pe.h"

namespace dumptriage::image {
namespace {

using namespace formats;

constexpr char kWhat[] = "DBG file";

void truncated(DbgFile& dbg, std::string why, std::uint64_t at) {
  add_note(dbg.notes, Severity::warning, Code::truncated, std::string(kWhat) + ": " + why,
           Where::file(at));
}

void read_sections(ByteView bytes, std::uint64_t at, std::uint32_t count, DbgFile& dbg) {
  for (std::uint32_t i = 0; i < count; ++i, at += sizeof(ImageSectionHeader)) {
    auto header = bytes.get<ImageSectionHeader>(at);
    if (!header) return truncated(dbg, fmt::format("{} sections are not all there", count), at);
    Section section;
    section.name = utf8_from_ansi(ByteView(header->Name, sizeof header->Name).c_string(0));
    section.rva = header->VirtualAddress;
    section.virtual_size = header->VirtualSize;
    section.raw_offset = header->PointerToRawData;
    section.raw_size = header->SizeOfRawData;
    section.characteristics = header->Characteristics;
    dbg.sections.push_back(std::move(section));
  }
}

void read_names(ByteView names, DbgFile& dbg) {
  for (std::uint64_t at = 0; at < names.size();) {
    const std::string_view name = names.c_string(at);
    if (!name.empty()) dbg.exported_names.push_back(utf8_from_ansi(name));
    at += name.size() + 1;
  }
}

void read_entries(ByteView bytes, std::uint64_t at, std::uint32_t size, DbgFile& dbg) {
  for (std::uint32_t i = 0; i < size / sizeof(ImageDebugDirectory); ++i) {
    auto entry = bytes.get<ImageDebugDirectory>(at);
    if (!entry) return truncated(dbg, "the debug directory is not all there", at);
    DbgFile::Entry read;
    read.entry = {entry->Type, entry->AddressOfRawData, entry->PointerToRawData, entry->SizeOfData,
                  entry->TimeDateStamp};
    read.data = bytes.clamp(entry->PointerToRawData, entry->SizeOfData);
    if (read.data.size() < entry->SizeOfData)
      truncated(dbg,
                fmt::format("debug data of type {}: {} of {} bytes are there", read.entry.type,
                            read.data.size(), read.entry.size),
                entry->PointerToRawData);
    dbg.entries.push_back(std::move(read));
    at += sizeof(ImageDebugDirectory);
  }
}

} // namespace

ByteView DbgFile::data_of(std::uint32_t type) const {
  for (const Entry& entry : entries)
    if (entry.entry.type == type) return entry.data;
  return {};
}

Result<DbgFile> read_dbg_file(ByteView bytes) {
  auto signature = bytes.u16(0);
  if (signature && *signature != kSeparateDebugSignature)
    return fail(Code::bad_magic, kWhat, "does not begin with DI", Where::file(0));
  auto header = bytes.get<ImageSeparateDebugHeader>(0);
  if (!header) return fail(Code::truncated, kWhat, "no header", Where::file(0));
  DbgFile dbg;
  dbg.machine = arch::machine_of_image_file(header->Machine);
  dbg.flags = header->Flags;
  dbg.characteristics = header->Characteristics;
  dbg.timestamp = header->TimeDateStamp;
  dbg.size_of_image = header->SizeOfImage;
  dbg.checksum = header->CheckSum;
  dbg.image_base = header->ImageBase;
  dbg.section_alignment = header->SectionAlignment;
  std::uint64_t at = sizeof(ImageSeparateDebugHeader);
  read_sections(bytes, at, header->NumberOfSections, dbg);
  at += std::uint64_t{header->NumberOfSections} * sizeof(ImageSectionHeader);
  read_names(bytes.clamp(at, header->ExportedNamesSize), dbg);
  at += header->ExportedNamesSize;
  read_entries(bytes, at, header->DebugDirectorySize, dbg);
  return dbg;
}

Result<DbgFile> open_dbg_file(const std::string& path) {
  auto file = MappedFile::open(path);
  if (!file) return std::unexpected(file.error());
  auto dbg = read_dbg_file((*file)->bytes());
  if (dbg) dbg->file = *file;
  return dbg;
}

} // namespace dumptriage::image
