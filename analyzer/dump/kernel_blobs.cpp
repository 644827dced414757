// Secondary data, behind the dump proper: what drivers add in their bugcheck callbacks, each under
// a GUID.
#include <string_view>

#include <fmt/format.h>

#include "dump/kernel_reading.h"
#include "formats/triage64.h"

namespace dumptriage::dump {
namespace {

struct KnownBlob {
  std::string_view guid, name;
};
// Read from the payloads of real dumps (names in them), no published list exists.
constexpr KnownBlob kKnownBlobs[] = {
    {"10ec8168-313c-488c-afea-272cd2094616", "Realtek network driver"},
    {"6c7ac389-4313-47dc-9f34-a8800a0fb56c", "CPU information"},
    {"bf2297dc-34ba-11dc-868a-e19155d89593", "NVIDIA display driver"},
    {"d03dc06f-d88e-44c5-ba2a-fae035172d19", "CPU vendor information"},
    {"da82441d-7142-4bc1-b844-0807c5a4b67f", "storport"},
    {"e83b40d2-b0a0-4842-abea-71c9e3463dd1", "ACPI MCFG table"},
    {"f87e4a4c-c5a1-4d2f-bff0-d5de63a5e4c3", "KMDF (Wdf01000) log"},
    {"67fc721a-2852-4f62-a3b1-2afc53953777", "AmdPPM"},
    {"67fc721a-2853-4f62-a3b1-2afc53953777", "AmdPPM driver log"},
    {"21ba7b61-05f8-41f1-9048-c09493dcfe38", "wdiwifi"},
    {"21ba7b61-05f9-41f1-9048-c09493dcfe38", "wdiwifi driver log"},
    {"0f81ec00-9e51-48e6-b899-eb3bbeede741", "win32kbase"},
    {"335d5e04-563b-4e58-aa36-7ed1cfe76fd6", "win32kfull"},
};

std::string guid_text(ByteView tag) {
  std::string text = fmt::format("{:08x}-{:04x}-{:04x}-", *tag.u32(0), *tag.u16(4), *tag.u16(6));
  for (std::uint64_t i = 8; i < 16; ++i) {
    if (i == 10) text += '-';
    text += fmt::format("{:02x}", *tag.u8(i));
  }
  return text;
}

std::string name_of_blob(std::string_view guid) {
  for (const KnownBlob& known : kKnownBlobs)
    if (known.guid == guid) return std::string(known.name);
  return "";
}

} // namespace

std::vector<SecondaryBlob> read_secondary_blobs(ByteView file, std::uint64_t at, Notes& notes,
                                                bool& complete) {
  std::vector<SecondaryBlob> blobs;
  if (at >= file.size()) return blobs;
  auto trouble = [&](Code code, std::string message, std::uint64_t where) {
    complete = false;
    add_note(notes, Severity::warning, code, std::move(message), Where::file(where));
  };
  auto header = file.get<formats::DumpBlobFileHeader>(at);
  if (!header || ByteView(header->Signature, 8).chars() != "DumpBlob" ||
      header->HeaderSize < sizeof(formats::DumpBlobFileHeader)) {
    add_note(notes, Severity::info, Code::bad_magic,
             "secondary data: what follows the dump is not a list of blobs", Where::file(at));
    return blobs;
  }
  constexpr std::size_t kMost = 4096; // real dumps have some forty
  at += header->HeaderSize;           // 32 bits on the size of a file: cannot leave 64
  while (at < file.size()) {
    if (blobs.size() == kMost) {
      trouble(Code::limit, fmt::format("secondary data: only the first {} blobs are listed", kMost),
              at);
      break;
    }
    auto blob = file.get<formats::DumpBlobHeader>(at);
    if (!blob || blob->HeaderSize != sizeof(formats::DumpBlobHeader)) {
      trouble(blob ? Code::bad_value : Code::truncated,
              "secondary data: a blob's header is cut or wrong", at);
      break;
    }
    SecondaryBlob out;
    out.guid = guid_text(ByteView(blob->Tag, sizeof(blob->Tag)));
    out.name = name_of_blob(out.guid);
    out.offset = at + blob->HeaderSize + blob->PrePad;
    out.size = blob->DataSize;
    if (!file.holds(out.offset, out.size)) {
      trouble(Code::truncated,
              fmt::format("secondary data: blob {} is cut at {} of {} bytes", out.guid,
                          file.left(out.offset), out.size),
              at);
      break;
    }
    at = out.offset + out.size + blob->PostPad;
    blobs.push_back(std::move(out));
  }
  return blobs;
}

} // namespace dumptriage::dump
