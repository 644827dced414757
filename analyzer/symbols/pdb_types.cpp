// A structure is found by the hash table of the TPI stream, and nothing but the records asked for
// is read; where there is no table, one pass over the stream notes where each record begins and
// which one defines a structure.  Everything is bounded by the stream's own size: a record is never
// longer than its prefix says, and chains of field lists have a budget. Members of nameless inner
// structures stand in the outer one's list already: compilers do that.
#include "symbols/pdb_types.h"

#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "formats/pdb_types.h"
#include "symbols/msf_file.h"
#include "symbols/pdb_ids.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

constexpr char kWhat[] = "PDB types";
constexpr std::uint64_t kMostBytes = 256u << 20; // of a TPI stream; ntoskrnl's has under 4 MiB
constexpr std::uint32_t kFirstIndex = 0x1000;
constexpr int kMostLinks = 256;   // records of one field list
constexpr int kMostModifiers = 8; // const volatile bit-field of ...

// Reads on through one record; everything is nothing once it ran out.
class Cursor {
public:
  Cursor(ByteView bytes, std::uint64_t at) : bytes_(bytes), at_(at) {}
  template <class T> std::optional<T> take() {
    auto value = bytes_.get<T>(at_);
    if (value) at_ += sizeof(T);
    return value;
  }
  std::optional<std::uint64_t> number() {
    auto leaf = take<le16>();
    if (!leaf) return std::nullopt;
    if (*leaf < kLeafNumeric) return *leaf;
    switch (*leaf) {
    case kLeafChar: return widen(take<std::uint8_t>());
    case kLeafShort:
    case kLeafUshort: return widen(take<le16>());
    case kLeafLong:
    case kLeafUlong: return widen(take<le32>());
    case kLeafQuad:
    case kLeafUquad: return widen(take<le64>());
    default: return std::nullopt;
    }
  }
  std::optional<std::string_view> name() {
    if (at_ >= bytes_.size()) return std::nullopt;
    std::string_view text = bytes_.c_string(at_);
    if (at_ + text.size() >= bytes_.size()) return std::nullopt; // no end
    at_ += text.size() + 1;
    return text;
  }
  void skip_padding() {
    auto pad = bytes_.u8(at_);
    if (pad && *pad > kLeafPad0) at_ += *pad & 0xF;
  }
  bool at_end() const { return at_ >= bytes_.size(); }

private:
  template <class T> static std::optional<std::uint64_t> widen(std::optional<T> value) {
    if (!value) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
  }
  ByteView bytes_;
  std::uint64_t at_;
};

// Size of a primitive type by its index (cvinfo.h, TYPE_ENUM_e); 0 = not known or void.
std::uint32_t primitive_size(std::uint32_t index) {
  constexpr std::uint32_t kNear32 = 4, kFar32 = 5, kNear64 = 6;
  switch (index >> 8 & 0xF) {
  case 0: break;
  case kNear32:
  case kFar32: return 4;
  case kNear64: return 8;
  default: return 0;
  }
  switch (index & 0xFF) {
  case 0x10:
  case 0x20:
  case 0x30:
  case 0x68:
  case 0x69:
  case 0x70:
  case 0x7C: return 1;
  case 0x11:
  case 0x21:
  case 0x31:
  case 0x71:
  case 0x72:
  case 0x73:
  case 0x7A: return 2;
  case 0x08:
  case 0x12:
  case 0x22:
  case 0x32:
  case 0x40:
  case 0x74:
  case 0x75:
  case 0x7B: return 4;
  case 0x13:
  case 0x23:
  case 0x33:
  case 0x41:
  case 0x76:
  case 0x77: return 8;
  case 0x14:
  case 0x24:
  case 0x78:
  case 0x79: return 16;
  default: return 0;
  }
}

struct Member {
  std::string_view name;
  std::uint32_t type = 0;
  std::uint64_t offset = 0;
};

bool is_nameless(std::string_view name) {
  return name.empty() || name.starts_with("<unnamed-") || name.starts_with("<anonymous-") ||
         name.starts_with("__unnamed");
}

// What LF_CLASS, LF_STRUCTURE and LF_UNION say.
struct Definition {
  bool forward = true; // no definition; that has the same name
  std::uint32_t fields = 0;
  std::uint64_t size = 0;
};

std::optional<std::pair<std::string_view, Definition>> definition_of(ByteView record) {
  const std::uint16_t kind = record.u16(0).value_or(0);
  Definition definition;
  std::uint16_t property = 0;
  Cursor cursor(record, 2);
  if (kind == kLeafStructure || kind == kLeafClass) {
    auto head = cursor.take<CvStructure>();
    if (!head) return std::nullopt;
    property = head->Property;
    definition.fields = head->Field;
  } else if (kind == kLeafUnion) {
    auto head = cursor.take<CvUnion>();
    if (!head) return std::nullopt;
    property = head->Property;
    definition.fields = head->Field;
  } else {
    return std::nullopt;
  }
  auto size = cursor.number();
  auto name = cursor.name();
  if (!size || !name) return std::nullopt;
  definition.size = *size;
  definition.forward = property & kTypeForwardReference;
  return std::pair(*name, definition);
}

// HashPbCb of microsoft-pdb (misc.h), over the name without its NUL.
std::uint32_t hash_of(std::string_view name) {
  const ByteView bytes(name.data(), name.size());
  std::uint32_t hash = 0;
  std::uint64_t at = 0;
  for (; bytes.left(at) >= 4; at += 4) hash ^= bytes.u32(at).value_or(0);
  if (bytes.left(at) >= 2) {
    hash ^= bytes.u16(at).value_or(0);
    at += 2;
  }
  if (bytes.left(at) == 1) hash ^= bytes.u8(at).value_or(0);
  hash |= 0x20202020; // upper and lower case alike
  hash ^= hash >> 11;
  return hash ^ hash >> 16;
}

} // namespace

struct PdbTypes::Records {
  struct Type { // what a member's type comes down to
    std::uint32_t size = 0;
    std::uint8_t first_bit = 0, bits = 0;
  };

  // Either the whole stream ...
  std::vector<std::byte> bytes;
  std::uint32_t first = kFirstIndex;
  std::vector<std::uint32_t> starts; // of the record's kind, by index - first
  std::vector<std::uint16_t> lengths;
  // ... or what was asked for, and the hash of each record.
  std::optional<PdbRecords> lazy;
  std::vector<std::byte> hashes;
  std::uint32_t buckets = 0;
  mutable std::map<std::uint32_t, std::vector<std::byte>> loaded;
  mutable std::map<std::string, Definition, std::less<>> by_name;

  ByteView record(std::uint32_t index) const;
  bool find_hashes(MsfFile& msf, const PdbTpiHeader& header);
  void read_all(std::uint64_t at, std::uint64_t end);
  const Definition* named(std::string_view name) const;
  void members(std::uint32_t list, std::vector<Member>& out) const;
  Type type_of(std::uint32_t index) const;
  std::optional<TypeField> find(std::uint32_t list, std::string_view name) const;
};

ByteView PdbTypes::Records::record(std::uint32_t index) const {
  if (lazy) {
    auto [known, fresh] = loaded.try_emplace(index);
    // Reading on makes no record known, so PdbRecords counts as const.
    if (fresh) known->second = const_cast<PdbRecords&>(*lazy).record(index);
    return ByteView(known->second);
  }
  if (index < first || index - first >= starts.size()) return {};
  return ByteView(bytes).clamp(starts[index - first], lengths[index - first]);
}

// Whether the table has an entry for each record.
bool PdbTypes::Records::find_hashes(MsfFile& msf, const PdbTpiHeader& header) {
  auto hash = msf.get<PdbTpiHashHeader>(kPdbTpiStream, sizeof(PdbTpiHeader));
  if (!hash || header.HeaderSize < sizeof(PdbTpiHeader) + sizeof(PdbTpiHashHeader)) return false;
  const std::uint64_t count = std::uint64_t{header.TypeIndexEnd} - header.TypeIndexBegin;
  if (header.TypeIndexEnd < header.TypeIndexBegin || hash->HashKeySize != 4 ||
      hash->NumHashBuckets == 0 || hash->IndexOffsetBufferLength == 0 ||
      hash->HashValueBufferLength != count * 4)
    return false;
  buckets = hash->NumHashBuckets;
  hashes = msf.load(hash->HashStreamIndex, hash->HashValueBufferOffset, count * 4);
  return hashes.size() == count * 4;
}

void PdbTypes::Records::read_all(std::uint64_t at, std::uint64_t end) {
  ByteView view(bytes);
  while (at + 4 <= end) {
    std::uint16_t length = view.u16(at).value_or(0);
    if (length < 2 || at + 2 + length > end) return; // the rest is lost, not what came before
    starts.push_back(static_cast<std::uint32_t>(at + 2));
    lengths.push_back(length);
    auto definition = definition_of(view.clamp(at + 2, length));
    if (definition && !definition->second.forward && !is_nameless(definition->first))
      by_name.emplace(std::string(definition->first), definition->second);
    at += 2u + length;
  }
}

// Structures inside functions and classes, whose names have "::", may be hashed otherwise; they are
// not looked for where there is a table.
const Definition* PdbTypes::Records::named(std::string_view name) const {
  auto known = by_name.find(name);
  if (known != by_name.end()) return known->second.forward ? nullptr : &known->second;
  if (!lazy) return nullptr;
  Definition found;
  const std::uint32_t wanted = hash_of(name) % buckets;
  ByteView table(hashes);
  for (std::uint32_t i = 0; i * 4ull < table.size() && found.forward; ++i) {
    if (table.u32(i * 4ull) != wanted) continue;
    auto definition = definition_of(record(first + i));
    if (definition && definition->first == name && !is_nameless(name)) found = definition->second;
  }
  known = by_name.emplace(std::string(name), found).first; // what is not there, too
  return found.forward ? nullptr : &known->second;
}

// Stops at what it does not know: methods and bases, which no structure of the kernel has.
void PdbTypes::Records::members(std::uint32_t list, std::vector<Member>& out) const {
  for (int link = 0; link < kMostLinks; ++link) {
    ByteView bytes_of_list = record(list);
    if (bytes_of_list.u16(0) != kLeafFieldList) return;
    Cursor cursor(bytes_of_list, 2);
    std::uint32_t next = 0;
    while (!cursor.at_end()) {
      auto kind = cursor.take<le16>();
      if (!kind) return;
      if (*kind == kLeafMember) {
        auto head = cursor.take<CvMember>();
        auto offset = cursor.number();
        auto name = cursor.name();
        if (!head || !offset || !name) return;
        out.push_back({*name, head->Index, *offset});
      } else if (*kind == kLeafIndex) {
        cursor.take<le16>();
        auto index = cursor.take<le32>();
        if (!index) return;
        next = *index;
      } else if (*kind == kLeafStaticMember || *kind == kLeafNestedType) {
        if (!cursor.take<CvMember>() || !cursor.name()) return;
      } else {
        return;
      }
      cursor.skip_padding();
    }
    if (next == 0) return;
    list = next;
  }
  return;
}

PdbTypes::Records::Type PdbTypes::Records::type_of(std::uint32_t index) const {
  Type type;
  for (int i = 0; i < kMostModifiers; ++i) {
    if (index < first) {
      type.size = primitive_size(index);
      return type;
    }
    ByteView bytes_of_type = record(index);
    Cursor cursor(bytes_of_type, 2);
    switch (bytes_of_type.u16(0).value_or(0)) {
    case kLeafModifier: index = bytes_of_type.u32(2).value_or(0); continue;
    case kLeafBitField:
      type.bits = bytes_of_type.u8(6).value_or(0);
      type.first_bit = bytes_of_type.u8(7).value_or(0);
      index = bytes_of_type.u32(2).value_or(0);
      continue;
    case kLeafEnum: index = bytes_of_type.u32(6).value_or(0); continue; // its underlying type
    case kLeafPointer: type.size = bytes_of_type.u32(6).value_or(0) >> 13 & 0x3F; return type;
    case kLeafArray: {
      cursor.take<le64>(); // element and index types
      type.size = static_cast<std::uint32_t>(cursor.number().value_or(0));
      return type;
    }
    default:
      if (auto definition = definition_of(bytes_of_type)) {
        type.size = static_cast<std::uint32_t>(definition->second.size);
        if (definition->second.forward)
          if (const Definition* whole = named(definition->first))
            type.size = static_cast<std::uint32_t>(whole->size);
      }
      return type;
    }
  }
  return type;
}

std::optional<TypeField> PdbTypes::Records::find(std::uint32_t list, std::string_view name) const {
  std::vector<Member> all;
  members(list, all); // what was read before a bad record is good
  for (const Member& member : all) {
    if (member.name != name || member.offset > UINT32_MAX) continue;
    Type type = type_of(member.type);
    return TypeField{static_cast<std::uint32_t>(member.offset), type.size, type.first_bit,
                     type.bits};
  }
  return std::nullopt;
}

PdbTypes::PdbTypes() : records_(std::make_unique<Records>()) {}
PdbTypes::~PdbTypes() = default;

Result<std::shared_ptr<const PdbTypes>> PdbTypes::open(ByteView pdb) {
  auto msf = MsfFile::open(pdb);
  if (!msf) return std::unexpected(std::move(msf.error()));
  return open(**msf, false);
}

Result<std::shared_ptr<const PdbTypes>> PdbTypes::open(MsfFile& msf, bool lazily) {
  auto header = msf.get<PdbTpiHeader>(kPdbTpiStream, 0);
  if (!header) return fail(Code::truncated, kWhat, "no TPI stream");
  std::uint64_t size = msf.stream_size(kPdbTpiStream);
  std::uint64_t begin = header->HeaderSize, length = header->TypeRecordBytes;
  if (begin < sizeof(PdbTpiHeader) || begin > size || length > size - begin)
    return fail(Code::bad_value, kWhat,
                fmt::format("{} bytes of records do not fit in {} bytes", length, size));
  if (size > kMostBytes)
    return fail(Code::limit, kWhat, fmt::format("a TPI stream of {} bytes", size));
  if (header->TypeIndexBegin < kFirstIndex)
    return fail(Code::bad_value, kWhat,
                fmt::format("first type index {}", std::uint32_t{header->TypeIndexBegin}));
  auto self = std::shared_ptr<PdbTypes>(new PdbTypes);
  Records& records = *self->records_;
  records.first = header->TypeIndexBegin;
  if (lazily && records.find_hashes(msf, *header)) {
    records.lazy.emplace(msf, kPdbTpiStream);
    return self;
  }
  records.bytes = msf.load(kPdbTpiStream, 0, begin + length);
  records.read_all(begin, records.bytes.size());
  return self;
}

std::optional<TypeField> PdbTypes::field(std::string_view structure, std::string_view name) const {
  const Definition* found = records_->named(structure);
  if (found == nullptr) return std::nullopt;
  return records_->find(found->fields, name);
}

std::optional<std::uint32_t> PdbTypes::size(std::string_view structure) const {
  const Definition* found = records_->named(structure);
  if (found == nullptr || found->size > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(found->size);
}

} // namespace dumptriage::symbols
