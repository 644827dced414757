#include "synth/nt_code.h"

#include <algorithm>
#include <stdexcept>

#include "synth/codeview_writer.h"
#include "synth/coff_writer.h"
#include "synth/dbg_writer.h"
#include "synth/pdb20_writer.h"

namespace dumptriage::synth {
namespace {

using Kind = NtFunction::Kind;
using u32 = std::uint32_t;

constexpr u32 kPdbSignature = 0x46A1D207;

void emit(Bytes& out, std::initializer_list<std::uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
void add_number(Bytes& out, u32 value) { put32(out, out.size(), value); }

// Of x64: rsp stays a multiple of 16 behind the return address.
u32 frame_of(const NtFunction& f) { return ((f.locals + 0x27) & ~0xFu) + 8; }

constexpr u32 kTrapFrame64 = 0x158; // KTRAP_FRAME up to Rbp

Bytes prologue(const NtFunction& f, bool wide) {
  Bytes out;
  if (wide && f.kind == Kind::trap) {
    emit(out, {0x55, 0x48, 0x81, 0xEC}); // push rbp; sub rsp
    add_number(out, kTrapFrame64);
    emit(out, {0x48, 0x8D, 0xAC, 0x24, 0x80, 0, 0, 0}); // lea rbp, [rsp+80h]
  } else if (wide) {
    emit(out, {0x48, 0x81, 0xEC});
    add_number(out, frame_of(f));
  } else if (f.kind == Kind::trap) {
    // push ebp, ebx, esi, edi; sub esp, 54h; mov ebp, esp: KTRAP_FRAME below the error code.
    emit(out, {0x55, 0x53, 0x56, 0x57, 0x83, 0xEC, 0x54, 0x8B, 0xEC});
  } else if (f.kind == Kind::swap_caller) {
    emit(out, {0x53, 0x56, 0x57, 0x55}); // push ebx, esi, edi, ebp
  } else if (f.kind == Kind::swap_context) {
    emit(out, {0x6A, 0, 0x6A, 0}); // push 0 twice
  } else {
    emit(out, {0x55, 0x8B, 0xEC, 0x81, 0xEC}); // push ebp; mov ebp, esp; sub esp
    add_number(out, f.locals);
  }
  return out;
}

Bytes epilogue(const NtFunction& f, bool wide) {
  Bytes out;
  if (f.kind == Kind::trap) {
    if (wide) emit(out, {0x48});
    emit(out, {0xCF}); // iret
  } else if (wide) {
    emit(out, {0x48, 0x81, 0xC4});
    add_number(out, frame_of(f));
    emit(out, {0xC3});
  } else if (f.kind == Kind::swap_caller) {
    emit(out, {0x5D, 0x5F, 0x5E, 0x5B, 0xC3});
  } else if (f.kind == Kind::swap_context) {
    emit(out, {0x58, 0x58, 0xC3});
  } else {
    emit(out, {0x8B, 0xE5, 0x5D, 0xC2});
    put16(out, out.size(), 4 * f.parameters);
  }
  return out;
}

constexpr std::size_t kNear = 5, kThroughSlot = 6;

bool has(const NtImage& image, const std::string& name) {
  return std::ranges::any_of(image.functions, [&](const auto& f) { return f.name == name; });
}

// UNWIND_INFO of the prologue ("x64 exception handling", learn.microsoft.com).
Bytes unwind_info(const NtFunction& f) {
  Bytes out;
  if (f.kind != Kind::trap) {
    emit(out, {1, 7, 2, 0, 7, 0x01}); // version, prologue, slots; UWOP_ALLOC_LARGE
    put16(out, out.size(), frame_of(f) / 8);
    return out;
  }
  emit(out, {1, 16, 5, 0x85}); // frame register rbp, at 8 * 16
  emit(out, {16, 0x03});       // UWOP_SET_FPREG
  emit(out, {8, 0x01});        // UWOP_ALLOC_LARGE
  put16(out, out.size(), kTrapFrame64 / 8);
  emit(out, {1, 0x50}); // UWOP_PUSH_NONVOL rbp
  emit(out, {0, 0x1A}); // UWOP_PUSH_MACHFRAME with an error code
  align(out, 4);
  return out;
}

} // namespace

std::string NtImage::file_name() const {
  std::string name = path.substr(path.rfind('\\') + 1);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}
std::string NtImage::stem() const {
  const std::string name = file_name();
  return name.substr(0, name.find('.'));
}
u32 NtImage::size_of_image() const { return NtCode::kEnd; }

NtImage& NtCode::add(NtImage image) {
  images_.push_back(std::move(image));
  return images_.back();
}

const NtImage& NtCode::home(const std::string& name) const {
  for (const NtImage& image : images_)
    if (has(image, name)) return image;
  throw std::out_of_range("no function " + name);
}
const NtFunction& NtCode::function(const std::string& name) const {
  const NtImage& image = home(name);
  return *std::ranges::find(image.functions, name, &NtFunction::name);
}
std::uint64_t NtCode::address(const std::string& name) const {
  return home(name).base + function(name).rva;
}
std::uint64_t NtCode::body(const std::string& name) const {
  return home(name).base + function(name).body_rva;
}
std::uint64_t NtCode::return_address(const std::string& caller, const std::string& callee) const {
  const NtFunction& f = function(caller);
  for (std::size_t i = 0; i < f.calls.size(); ++i)
    if (f.calls[i] == callee) return home(caller).base + f.returns[i];
  throw std::out_of_range(caller + " does not call " + callee);
}

std::vector<std::string> NtCode::foreign(const NtImage& image) const {
  std::vector<std::string> names;
  for (const NtFunction& f : image.functions)
    for (const std::string& callee : f.calls)
      if (!has(image, callee) && std::ranges::find(names, callee) == names.end())
        names.push_back(callee);
  return names;
}

void NtCode::place(NtFunction& f, u32 rva) const {
  const NtImage& image = home(f.name);
  f.rva = rva;
  f.body_rva = rva + static_cast<u32>(prologue(f, wide_).size());
  u32 at = f.body_rva + static_cast<u32>(f.body.size());
  f.returns.clear();
  for (const std::string& callee : f.calls) {
    if (!wide_ && f.kind != Kind::swap_caller) at += 2 * function(callee).parameters;
    at += has(image, callee) ? kNear : kThroughSlot;
    f.returns.push_back(at);
  }
  f.size = at + static_cast<u32>(epilogue(f, wide_).size()) - rva;
}

void NtCode::link() {
  for (NtImage& image : images_) {
    u32 rva = kText + 0x10; // padding in front of the first one as well
    for (NtFunction& f : image.functions) {
      place(f, rva);
      rva = (rva + f.size + 0x10) & ~0xFu; // and between any two
    }
  }
}

Bytes NtCode::code(const NtImage& image, const NtFunction& f) const {
  Bytes out = prologue(f, wide_);
  append(out, f.body);
  const std::vector<std::string> slots = foreign(image);
  for (const std::string& callee : f.calls) {
    if (!wide_ && f.kind != Kind::swap_caller)
      for (unsigned i = 0; i < function(callee).parameters; ++i) emit(out, {0x6A, 0});
    if (has(image, callee)) {
      emit(out, {0xE8});
      add_number(out, function(callee).rva - f.rva - static_cast<u32>(out.size()) - 4);
      continue;
    }
    const auto slot = static_cast<u32>(std::ranges::find(slots, callee) - slots.begin());
    const u32 rva = kData + (wide_ ? 8 : 4) * slot;
    emit(out, {0xFF, 0x15});
    if (wide_)
      add_number(out, rva - f.rva - static_cast<u32>(out.size()) - 4);
    else
      add_number(out, static_cast<u32>(image.base) + rva);
  }
  append(out, epilogue(f, wide_));
  return out;
}

// Tables of the image: exports, version, the name of its symbols; of x64 the functions.
Bytes NtCode::constants(const NtImage& image, bool exports, PeWriter& pe) const {
  Bytes out;
  auto next = [&] {
    align(out, 16);
    return kConst + static_cast<u32>(out.size());
  };
  auto directory = [&](unsigned index, const Bytes& bytes) {
    pe.directory(index, next(), static_cast<u32>(bytes.size()));
    append(out, bytes);
  };
  if (wide_) {
    const u32 table = 12 * static_cast<u32>(image.functions.size());
    Bytes infos;
    std::vector<std::array<u32, 3>> rows;
    for (const NtFunction& f : image.functions) {
      rows.push_back({f.rva, f.rva + f.size, next() + table + static_cast<u32>(infos.size())});
      append(infos, unwind_info(f));
    }
    directory(3, runtime_functions(rows));
    append(out, infos);
  }
  if (exports) {
    std::vector<ExportRow> rows;
    for (const NtFunction& f : image.functions)
      if (f.exported) rows.push_back({f.name, f.rva, ""});
    std::ranges::sort(rows, {}, &ExportRow::name);
    if (!rows.empty()) directory(0, export_directory(next(), 1, rows));
  }
  directory(2, version_resource(next(), image.version));
  if (image.debug_file.empty()) return out;
  const bool pdb = image.debug_file.ends_with(".pdb");
  Bytes record = pdb ? nb10(kPdbSignature, 1, image.debug_file) : Bytes(0x110);
  if (!pdb) { // IMAGE_DEBUG_MISC
    put32(record, 0, 1);
    put32(record, 4, record.size());
    put_text(record, 12, image.debug_file);
  }
  const u32 at = next(), raw = static_cast<u32>(pe.tail_offset()) + at + 28 - kConst;
  directory(6, debug_rows({{pdb ? 2u : 4u, static_cast<u32>(record.size()), at + 28, raw}}));
  append(out, record);
  return out;
}

PeWriter NtCode::image(const NtImage& image, bool exports) const {
  PeWriter pe(wide_);
  pe.base = image.base;
  pe.timestamp = image.timestamp;
  pe.checksum = image.checksum;
  Bytes text;
  for (const NtFunction& f : image.functions) {
    text.resize(f.rva - kText, 0xCC);
    append(text, code(image, f));
  }
  text.resize((text.size() + 0xF) & ~std::size_t{0xF}, 0xCC);
  pe.section(".text", kText, text, kCodeSection);
  Bytes slots;
  for (const std::string& callee : foreign(image))
    put(slots, slots.size(), address(callee), wide_ ? 8 : 4);
  slots.resize(std::max<std::size_t>(slots.size(), 0x40));
  pe.section(".data", kData, slots, kDataSection, 0x1000);
  const Bytes tables = constants(image, exports, pe);
  pe.section(".rdata", kConst, tables, kConstSection);
  pe.size_of_image = kEnd;
  return pe;
}

namespace {

u32 code_size(const NtImage& image) {
  const NtFunction& last = image.functions.back();
  return last.rva + last.size - NtCode::kText;
}
CvName name_of(const NtFunction& f) { return {f.name, 1, f.rva - NtCode::kText, f.size}; }

} // namespace

Bytes nt_dbg(const NtImage& image, NtSymbols level) {
  DbgWriter dbg;
  dbg.timestamp = image.timestamp;
  dbg.checksum = image.checksum;
  dbg.image_base = static_cast<u32>(image.base);
  dbg.size_of_image = image.size_of_image();
  dbg.sections = {{".text", NtCode::kText, code_size(image)},
                  {".data", NtCode::kData, 0x1000},
                  {".rdata", NtCode::kConst, 0x1000}};
  if (level == NtSymbols::publics) {
    CoffWriter coff;
    for (const NtFunction& f : image.functions) coff.function(f.name, f.rva - NtCode::kText, 1);
    dbg.entries = {{1, coff.debug_data()}};
    return dbg.bytes();
  }
  CodeViewWriter codeview;
  codeview.nb11 = false;
  codeview.module(image.stem() + ".obj", {{"", 1, 0, code_size(image)}});
  Bytes records, names;
  for (const NtFunction& f : image.functions) {
    append(records, cv_procedure(CvTypes::bits16, name_of(f)));
    append(names, cv_public(CvTypes::bits16, name_of(f)));
  }
  codeview.symbols(records);
  codeview.hashed(0x12A, names); // sstGlobalPub
  dbg.entries = {{2, codeview.bytes()}};
  return dbg.bytes();
}

Bytes nt_pdb(const NtImage& image, NtSymbols level) {
  Pdb20Writer pdb;
  pdb.signature = kPdbSignature;
  pdb.info_age = pdb.dbi_age = 1;
  pdb.sections = {
      {NtCode::kText, code_size(image)}, {NtCode::kData, 0x1000}, {NtCode::kConst, 0x1000}};
  Bytes records = cv_compile(0x03);
  for (const NtFunction& f : image.functions) {
    pdb.publics.push_back(name_of(f));
    append(records, cv_procedure(CvTypes::bits32, name_of(f)));
  }
  if (level == NtSymbols::full)
    pdb.modules.push_back({image.stem() + ".obj", records, {}, {{"", 1, 0, code_size(image)}}});
  return pdb.bytes();
}

} // namespace dumptriage::synth
