// From a file to a Dump: the probe table.  A new kind of dump is one line in it.
#include <fmt/format.h>

#include "dump/dump.h"
#include "dump/kernel_reading.h"
#include "dump/unpack.h"
#include "dump/userdump.h"

namespace dumptriage::dump {
namespace {

Result<void> open_process(Result<MinidumpParts> parts, Format format, Dump& dump) {
  if (!parts) return std::unexpected(std::move(parts.error()));
  dump.format = format;
  dump.kind = Kind::user;
  dump.machine = parts->machine;
  dump.complete = parts->complete;
  dump.minidump = std::move(parts->minidump);
  dump.memory = std::move(parts->memory);
  return {};
}

Result<void> open_minidump(ByteView file, Dump& dump) {
  return open_process(read_minidump(file, dump.notes), Format::minidump, dump);
}

Result<void> open_userdump(ByteView file, Dump& dump) {
  return open_process(read_userdump(file, dump.notes), Format::userdump, dump);
}

Result<void> open_kernel(ByteView file, Dump& dump) {
  auto parts = read_kernel_dump(file, dump.notes);
  if (!parts) return std::unexpected(std::move(parts.error()));
  dump.format = Format::kernel;
  dump.kind = parts->kind;
  dump.machine = parts->machine;
  dump.complete = parts->complete;
  dump.kernel = std::move(parts->kernel);
  dump.physical = std::move(parts->physical);
  dump.tables = parts->tables;
  dump.memory = std::move(parts->memory);
  return {};
}

struct Probe {
  std::string_view name;
  bool (*matches)(ByteView file);
  Result<void> (*open)(ByteView file, Dump& dump);
};
constexpr Probe kProbes[] = {
    {"minidump", is_minidump, open_minidump},
    {"user dump", is_userdump, open_userdump},
    {"kernel dump", is_kernel_dump, open_kernel},
};

} // namespace

std::string_view name_of(Format format) {
  switch (format) {
  case Format::minidump: return "minidump";
  case Format::userdump: return "userdump";
  case Format::kernel: return "kernel";
  }
  return "";
}

std::string_view name_of(Kind kind) {
  switch (kind) {
  case Kind::user: return "user";
  case Kind::full: return "full";
  case Kind::summary: return "summary";
  case Kind::bitmap: return "bitmap";
  case Kind::rdmp: return "rdmp";
  case Kind::live: return "live";
  case Kind::triage: return "triage";
  case Kind::header: return "header";
  }
  return "";
}

Result<Dump> open(std::shared_ptr<const MappedFile> file) {
  ByteView bytes = file->bytes();
  Dump dump;
  const Identity identity = identify(bytes);
  dump.description = identity.description;
  dump.memory = std::make_shared<memory::FlatRanges>();
  for (const Probe& probe : kProbes) {
    if (!probe.matches(bytes)) continue;
    if (auto opened = probe.open(bytes, dump); !opened) {
      Error error = std::move(opened.error());
      // People look for what the file is before they look for what is wrong with it.
      if (error.why != dump.description)
        error.why = fmt::format("{}: {}", dump.description, error.why);
      return std::unexpected(std::move(error));
    }
    for (const Note& note : file->notes()) {
      dump.notes.push_back(note);
      if (note.severity != Severity::info) dump.complete = false;
    }
    dump.file = std::move(file);
    return dump;
  }
  return fail(Code::unsupported,
              identity.is_dump ? "a dump that this version does not read" : "not a crash dump",
              dump.description, Where::file(0));
}

// The first dump of an archive; a note when there are more.
Result<Dump> open(const std::string& path) {
  auto file = MappedFile::open(path);
  if (!file) return std::unexpected(std::move(file.error()));
  std::optional<Result<std::shared_ptr<const MappedFile>>> first;
  bool more = false;
  auto nothing = each_dump(std::move(*file), {}, [&](auto taken) {
    more = first.has_value();
    if (!first) first = std::move(taken);
    return !more;
  });
  if (!first) return std::unexpected(std::move(*nothing));
  if (!*first) return std::unexpected(std::move(first->error()));
  auto dump = open(std::move(**first));
  if (dump && more)
    add_note(dump->notes, Severity::info, Code::limit,
             "archive: it holds more dumps; this is the first of them");
  return dump;
}

} // namespace dumptriage::dump
