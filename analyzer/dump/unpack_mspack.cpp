// Cabinets and the files of COMPRESS.EXE (SZDD, KWAJ) by libmspack.  Its file names are those of
// our callbacks: "in" is the archive's bytes, "out" the entry at hand, and nothing else exists.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include <fmt/format.h>
#include <mspack.h>

#include "base/text.h"
#include "dump/unpack_reading.h"

namespace dumptriage::dump::unpacking {
namespace {

constexpr const char* kIn = "in";
constexpr const char* kOut = "out";

// mspack_system is the first member of a C structure in the library's eyes; ours carries along
// where bytes come from and go to.
struct System {
  mspack_system calls{};
  ByteView in;
  Entry* out = nullptr;
};

struct File { // mspack_file is opaque
  System* system = nullptr;
  std::uint64_t at = 0;
  bool writes = false;
};
File* file_of(mspack_file* file) { return reinterpret_cast<File*>(file); }

mspack_file* open_file(mspack_system* self, const char* name, int mode) {
  bool writes = mode == MSPACK_SYS_OPEN_WRITE;
  if (std::strcmp(name, writes ? kOut : kIn) != 0) return nullptr;
  auto* file = new (std::nothrow) File{reinterpret_cast<System*>(self), 0, writes};
  return reinterpret_cast<mspack_file*>(file);
}
void close_file(mspack_file* file) { delete file_of(file); }

int read_file(mspack_file* handle, void* buffer, int bytes) {
  File* file = file_of(handle);
  if (bytes < 0 || file->writes) return -1;
  ByteView part = file->system->in.clamp(file->at, static_cast<std::uint64_t>(bytes));
  if (!part.empty()) std::memcpy(buffer, part.data(), part.size());
  file->at += part.size();
  return static_cast<int>(part.size());
}

// An entry that nobody wants is unpacked to nowhere: later ones may need what it went through.
int write_file(mspack_file* handle, void* buffer, int bytes) {
  File* file = file_of(handle);
  if (bytes < 0 || !file->writes) return -1;
  try { // not through the library's C frames
    Entry& out = *file->system->out;
    if (!out.add(ByteView(buffer, static_cast<std::size_t>(bytes))) && !out.passed_over())
      return -1;
  } catch (const std::bad_alloc&) {
    return -1;
  }
  file->at += static_cast<std::uint64_t>(bytes);
  return bytes;
}

int seek_file(mspack_file* handle, off_t offset, int mode) {
  File* file = file_of(handle);
  off_t size = static_cast<off_t>(file->system->in.size());
  off_t from = mode == MSPACK_SYS_SEEK_CUR   ? static_cast<off_t>(file->at)
               : mode == MSPACK_SYS_SEEK_END ? size
                                             : 0;
  off_t to = 0;
  if (file->writes || __builtin_add_overflow(from, offset, &to) || to < 0 || to > size) return -1;
  file->at = static_cast<std::uint64_t>(to);
  return 0;
}
off_t tell_file(mspack_file* handle) { return static_cast<off_t>(file_of(handle)->at); }
void say_nothing(mspack_file*, const char*, ...) {}
// Zeroed: libmspack 0.11 frees pointers of a KWAJ header that it had not yet read.
void* allocate(mspack_system*, std::size_t bytes) { return std::calloc(1, bytes); }
void copy_bytes(void* from, void* to, std::size_t bytes) { std::memmove(to, from, bytes); }

System system_over(ByteView in) {
  System system;
  system.calls = {open_file,   close_file, read_file, write_file, seek_file, tell_file,
                  say_nothing, allocate,   std::free, copy_bytes, nullptr};
  system.in = in;
  return system;
}

std::optional<Error> error_of(int code, const std::string& path) {
  switch (code) {
  case MSPACK_ERR_OK: return std::nullopt;
  case MSPACK_ERR_READ:
  case MSPACK_ERR_SEEK: return Error{Code::truncated, path, "it ends too early", {}};
  case MSPACK_ERR_NOMEMORY: return Error{Code::limit, path, "out of memory", {}};
  case MSPACK_ERR_CHECKSUM: return Error{Code::mismatch, path, "a check sum is wrong", {}};
  default: return Error{Code::bad_value, path, "its data are damaged", {}};
  }
}

// A cabinet says in its header how long it is; the library checks neither.
std::optional<Error> cut_short(const Archive& archive, std::uint64_t said) {
  if (said <= archive.bytes.size()) return std::nullopt;
  return Error{Code::truncated,
               archive.path,
               fmt::format("the cabinet has {} of its {} bytes", archive.bytes.size(), said),
               {}};
}

std::optional<Error> unpack_cabinet(Archive& archive, System& system) {
  std::unique_ptr<mscab_decompressor, decltype(&mspack_destroy_cab_decompressor)> reader(
      mspack_create_cab_decompressor(&system.calls), mspack_destroy_cab_decompressor);
  if (!reader) return Error{Code::limit, archive.path, "out of memory", {}};
  mscabd_cabinet* cabinet = reader->open(reader.get(), kIn);
  if (cabinet == nullptr) return error_of(reader->last_error(reader.get()), archive.path);
  auto cut = cut_short(archive, cabinet->length);
  for (mscabd_file* file = cabinet->files; file != nullptr && !archive.run.stopped;
       file = file->next) {
    if (!count_entry(archive)) break;
    Entry out(archive, file->filename != nullptr ? file->filename : "");
    system.out = &out;
    auto problem = error_of(reader->extract(reader.get(), file, kOut), out.path());
    // Of a set of cabinets each holds a part of what lies across its border.
    const char* other = cabinet->nextname != nullptr ? cabinet->nextname : cabinet->prevname;
    if (problem && other != nullptr)
      problem->why += fmt::format(" here, and part of it may lie in the cabinet {}",
                                  utf8_from_ansi(other, 256));
    else if (problem && cut)
      problem = cut;
    out.finish(problem);
    system.out = nullptr;
  }
  reader->close(reader.get(), cabinet);
  return std::nullopt;
}

std::optional<Error> unpack_szdd(Archive& archive, System& system) {
  std::unique_ptr<msszdd_decompressor, decltype(&mspack_destroy_szdd_decompressor)> reader(
      mspack_create_szdd_decompressor(&system.calls), mspack_destroy_szdd_decompressor);
  if (!reader) return Error{Code::limit, archive.path, "out of memory", {}};
  msszddd_header* header = reader->open(reader.get(), kIn);
  if (header == nullptr) return error_of(reader->last_error(reader.get()), archive.path);
  Entry out(archive, name_inside(archive.path, header->missing_char));
  system.out = &out;
  auto problem = error_of(reader->extract(reader.get(), header, kOut), out.path());
  std::uint64_t length = header->length > 0 ? static_cast<std::uint64_t>(header->length) : 0;
  if (!problem && out.size() < length)
    problem = Error{Code::truncated,
                    out.path(),
                    fmt::format("{} of {} bytes are there", out.size(), length),
                    {}};
  reader->close(reader.get(), header);
  out.finish(problem);
  return std::nullopt;
}

std::optional<Error> unpack_kwaj(Archive& archive, System& system) {
  std::unique_ptr<mskwaj_decompressor, decltype(&mspack_destroy_kwaj_decompressor)> reader(
      mspack_create_kwaj_decompressor(&system.calls), mspack_destroy_kwaj_decompressor);
  if (!reader) return Error{Code::limit, archive.path, "out of memory", {}};
  mskwajd_header* header = reader->open(reader.get(), kIn);
  if (header == nullptr) return error_of(reader->last_error(reader.get()), archive.path);
  Entry out(archive, header->filename != nullptr ? std::string(header->filename)
                                                 : name_inside(archive.path));
  system.out = &out;
  auto problem = error_of(reader->extract(reader.get(), header, kOut), out.path());
  std::uint64_t length = header->length > 0 ? static_cast<std::uint64_t>(header->length) : 0;
  if (!problem && out.size() < length)
    problem = Error{Code::truncated,
                    out.path(),
                    fmt::format("{} of {} bytes are there", out.size(), length),
                    {}};
  reader->close(reader.get(), header);
  out.finish(problem);
  return std::nullopt;
}

} // namespace

std::optional<Error> unpack_mspack(Archive& archive) {
  System system = system_over(archive.bytes);
  switch (packing_of(archive.bytes)) {
  case Packing::cabinet: return unpack_cabinet(archive, system);
  case Packing::szdd: return unpack_szdd(archive, system);
  default: return unpack_kwaj(archive, system);
  }
}

} // namespace dumptriage::dump::unpacking
