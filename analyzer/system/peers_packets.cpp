// One IPv4 packet, one transport address, one NetBIOS datagram: the invariants that must hold, and
// what the packet carries.
#include <array>

#include <fmt/format.h>

#include "system/peers_parts.h"

namespace dumptriage::system {
namespace {

constexpr std::size_t kIpHeader = 20; // without options, which no sender of SMB uses
constexpr std::uint8_t kTcp = 6, kUdp = 17;
constexpr std::uint16_t kNameService = 137, kDatagramService = 138, kSessionService = 139,
                        kDirectSmb = 445;
constexpr std::size_t kSmb1Header = 32, kSmb2Header = 64, kSessionHeader = 4;

// Network byte order.
std::uint32_t big(ByteView bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes.u8(at + i).value_or(0);
  return value;
}

// RFC 1071: the sum of 16-bit words, carries not folded yet.  Byte order does not matter to whether
// it is right, so words are taken as this program's own, two at a time.
std::uint64_t sum_of(ByteView bytes) {
  std::uint64_t sum = 0;
  std::uint64_t at = 0;
  for (; bytes.holds(at, 4); at += 4) sum += *bytes.u32(at);
  for (int shift = 0; at < bytes.size(); ++at, shift += 8)
    sum += static_cast<std::uint64_t>(*bytes.u8(at)) << shift;
  return sum;
}
// A number of the pseudo header as such a word.
std::uint64_t swapped(std::uint64_t number) { return (number & 0xFF) << 8 | number >> 8; }
bool sums_up(std::uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return sum == 0xFFFF;
}

// RFC 791: version 4, no options, a length that holds the transport's header, no fragment, time to
// live, checksum.
bool is_ip_header(ByteView header, std::size_t& total, std::uint8_t& protocol) {
  constexpr std::uint32_t kFragment = 0xBFFF; // all but "don't fragment"
  protocol = *header.u8(9);
  if (*header.u8(0) != 0x45 || (protocol != kTcp && protocol != kUdp)) return false;
  total = big(header, 2, 2);
  return total >= kIpHeader + (protocol == kTcp ? 20 : 8) && (big(header, 6, 2) & kFragment) == 0 &&
         *header.u8(8) != 0 && sums_up(sum_of(header.clamp(0, kIpHeader)));
}

// RFC 793: where the data begin, counted from the IPv4 header; nothing when the header lies.
std::optional<std::size_t> data_of_tcp(ByteView packet, std::size_t total) {
  constexpr std::uint8_t kFin = 1, kSyn = 2;
  const std::uint8_t offset = *packet.u8(kIpHeader + 12), flags = *packet.u8(kIpHeader + 13);
  const std::size_t header = static_cast<std::size_t>(offset >> 4) * 4;
  if (header < 20 || kIpHeader + header > total || (offset & 0xE) != 0) return std::nullopt;
  if ((flags & 0x3F) == 0 || ((flags & kFin) && (flags & kSyn))) return std::nullopt;
  return kIpHeader + header;
}

// How many bytes from `at` on are certain to be the same buffer's.
std::uint64_t left_in_page(std::uint64_t at, const PeerBytes& bytes) {
  return bytes.page == 0 ? UINT64_MAX : bytes.page - at % bytes.page;
}

enum class Checksum { right, wrong, unknown };

// Over the pseudo header and the segment, where all of it is there.
Checksum transport_checksum(ByteView header, const IpPacket& packet, std::size_t total,
                            const PeerBytes& bytes) {
  if (!packet.tcp && big(header, kIpHeader + 6, 2) == 0) return Checksum::unknown; // RFC 768: none
  if (bytes.effort < total) return Checksum::unknown;
  bytes.effort -= total;
  std::vector<std::byte> segment(total);
  if (!bytes.memory.copy(packet.at, segment)) return Checksum::unknown;
  const std::uint64_t pseudo =
      sum_of(header.clamp(12, 8)) + swapped(packet.tcp ? kTcp : kUdp) + swapped(total - kIpHeader);
  if (sums_up(pseudo + sum_of(ByteView(segment).clamp(kIpHeader, total)))) return Checksum::right;
  return left_in_page(packet.at, bytes) < total ? Checksum::unknown : Checksum::wrong;
}

// Ethernet II in front.
void read_link_header(IpPacket& packet, const PeerBytes& bytes) {
  constexpr std::size_t kSize = 14;
  constexpr std::uint64_t kGroup = std::uint64_t{1} << 40;
  std::array<std::byte, kSize> front;
  if (packet.at < kSize || !bytes.memory.copy(packet.at - kSize, front)) return;
  ByteView view(front.data(), front.size());
  if (big(view, 12, 2) != 0x0800) return;
  // Of a tagged frame (IEEE 802.1Q) the addresses lie four bytes earlier, and nothing but these two
  // bytes tells it from one that is not.
  if (big(view, 8, 2) == 0x8100) return;
  auto mac = [&view](std::size_t at) {
    return static_cast<std::uint64_t>(big(view, at, 2)) << 32 | big(view, at + 2, 4);
  };
  const std::uint64_t to = mac(0), from = mac(6);
  if (from == 0 || (from & kGroup) || to == 0 || to == from) return;
  packet.begin = packet.at - kSize;
  packet.source_mac = from;
  if (to & kGroup)
    packet.unicast = false;
  else
    packet.destination_mac = to;
}

// MS-CIFS 2.2.3: header, WordCount, words, ByteCount, bytes; MS-SMB2 2.2.1.
std::string smb_remark(ByteView message, std::uint32_t length, bool version1) {
  const std::size_t least = version1 ? kSmb1Header + 3 : kSmb2Header;
  if (length < least)
    return fmt::format("the NetBIOS header announces {} bytes, an SMB message has {} at least",
                       length, least);
  if (!version1) return "";
  auto words = message.u8(kSmb1Header);
  auto bytes = words ? message.u16(kSmb1Header + 1 + 2 * *words) : std::nullopt;
  const std::size_t needed = bytes ? least + 2 * *words + *bytes : 0;
  if (needed <= length) return "";
  return fmt::format("the NetBIOS header announces {} bytes, the SMB message in it counts {}",
                     length, needed);
}

// RFC 1002 4.3: what a session service packet is, and what is wrong with it.
void read_session_packet(ByteView payload, bool direct, IpPacket& packet) {
  struct Row {
    std::uint8_t type;
    std::uint32_t length;
    std::string_view name;
  };
  constexpr Row kRows[] = {{0x81, 68, "request"},
                           {0x82, 0, "positive response"},
                           {0x83, 1, "negative response"},
                           {0x84, 6, "retarget response"},
                           {0x85, 0, "keep alive"}};
  auto type = payload.u8(0);
  if (!type || !payload.holds(0, kSessionHeader)) return;
  const std::uint32_t counted = big(payload, 1, 3);
  if (!direct)
    for (const Row& row : kRows)
      if (row.type == *type && row.length == counted)
        packet.what += fmt::format(", NetBIOS session {}", row.name);
  std::string_view magic = payload.clamp(kSessionHeader, 4).chars();
  const bool version1 = magic == "\xFFSMB", version2 = magic == "\xFESMB";
  if (*type != 0 || (!version1 && !version2)) return;
  ByteView message = payload.clamp(kSessionHeader, payload.size());
  packet.what +=
      fmt::format(", {}SMB{} message", direct ? "" : "NetBIOS session header, ", version1 ? 1 : 2);
  if (auto command = version1 ? message.u8(4) : message.u8(12))
    packet.what += fmt::format(" (command 0x{:02X})", *command);
  // Of the flags of the session service only the lowest bit, which extends the length, is in use.
  if (!direct && (counted >> 17) != 0)
    packet.remark =
        fmt::format("reserved flags 0x{:02X} are set in the NetBIOS header", counted >> 16 & 0xFE);
  else
    packet.remark = smb_remark(message, counted, version1);
}

// What netbt.sys and SMB speak, by the ports; "" something else.
std::string_view service_of(bool tcp, std::uint16_t a, std::uint16_t b) {
  auto either = [=](std::uint16_t port) { return a == port || b == port; };
  if (tcp && either(kSessionService)) return "NetBIOS session";
  if (either(kDirectSmb)) return tcp ? "SMB over TCP" : "SMB over UDP";
  if (!tcp && either(kDatagramService)) return "NetBIOS datagram";
  if (!tcp && either(kNameService)) return "NetBIOS name service";
  return "";
}

void describe(IpPacket& packet, std::size_t data, std::size_t total, const PeerBytes& bytes) {
  packet.service = service_of(packet.tcp, packet.source_port, packet.destination_port);
  if (packet.service.empty()) return;
  packet.what = fmt::format("{}: IPv4 and {} header", packet.service, packet.tcp ? "TCP" : "UDP");
  if (packet.verified)
    packet.what += fmt::format(", {} checksum right", packet.tcp ? "TCP" : "UDP");
  if (packet.source_mac) packet.what += ", Ethernet header";
  constexpr std::size_t kMost = 1024; // words and counts of an SMB message
  std::uint64_t size = std::min(total - data, kMost);
  if (!packet.verified) {
    const std::uint64_t sure = left_in_page(packet.at, bytes);
    size = std::min(size, sure < data ? 0 : sure - data);
  }
  std::vector<std::byte> payload(size);
  payload.resize(bytes.memory.read(packet.at + data, payload).got);
  ByteView view(payload.data(), payload.size());
  if (packet.tcp)
    read_session_packet(
        view, packet.source_port == kDirectSmb || packet.destination_port == kDirectSmb, packet);
  else if (packet.service == "NetBIOS datagram" && view.holds(0, 10) && *view.u8(0) >= 0x10 &&
           *view.u8(0) <= 0x12 && big(view, 4, 4) != packet.source)
    packet.remark =
        fmt::format("the NetBIOS datagram names {} as its source", ip_text(big(view, 4, 4)));
}

// FNV-1a over both headers.
std::uint64_t print_of(ByteView headers) {
  std::uint64_t print = 0xCBF29CE484222325;
  for (std::byte byte : headers.span()) {
    print ^= std::to_integer<std::uint8_t>(byte);
    print *= 0x100000001B3;
  }
  return print;
}

} // namespace

bool is_host_address(std::uint32_t address) {
  const std::uint32_t network = address >> 24;
  return network != 0 && network != 127 && network < 224;
}

std::optional<IpPacket> read_ip_packet(ByteView header, std::uint64_t at, const PeerBytes& bytes) {
  std::size_t total = 0;
  std::uint8_t protocol = 0;
  if (!header.holds(0, kIpHeader) || !is_ip_header(header, total, protocol)) return std::nullopt;
  IpPacket packet;
  packet.at = packet.begin = at;
  packet.end = checked_add(at, total).value_or(UINT64_MAX);
  packet.tcp = protocol == kTcp;
  const std::size_t both = kIpHeader + (packet.tcp ? 20 : 8);
  std::array<std::byte, 40> storage;
  if (!bytes.memory.copy(at, std::span(storage).first(both))) return std::nullopt;
  ByteView headers(storage.data(), both);
  packet.source = big(headers, 12, 4);
  packet.destination = big(headers, 16, 4);
  packet.source_port = static_cast<std::uint16_t>(big(headers, 20, 2));
  packet.destination_port = static_cast<std::uint16_t>(big(headers, 22, 2));
  // A subnet's broadcast address ends in 255 nearly always; only UDP is sent to one.
  packet.unicast =
      is_host_address(packet.destination) && (packet.tcp || (packet.destination & 0xFF) != 0xFF);
  if (!is_host_address(packet.source) || packet.source == packet.destination ||
      packet.source_port == 0 || packet.destination_port == 0 || (packet.tcp && !packet.unicast))
    return std::nullopt;
  std::optional<std::size_t> data = both;
  if (packet.tcp)
    data = data_of_tcp(headers, total);
  else if (big(headers, kIpHeader + 4, 2) != total - kIpHeader)
    return std::nullopt;
  if (!data) return std::nullopt;
  const Checksum checksum = transport_checksum(headers, packet, total, bytes);
  if (checksum == Checksum::wrong) return std::nullopt;
  packet.verified = checksum == Checksum::right;
  packet.data = checked_add(at, *data).value_or(UINT64_MAX);
  packet.print = print_of(headers);
  read_link_header(packet, bytes);
  if (packet.tcp && !packet.unicast) return std::nullopt;
  describe(packet, *data, total, bytes);
  return packet;
}

// TRANSPORT_ADDRESS with one TA_IP_ADDRESS (tdi.h).
std::optional<NamedAddress> read_transport_address(ByteView bytes, std::uint64_t at,
                                                   const PeerBytes& memory) {
  constexpr std::size_t kSize = 0x16, kZeros = 0xE;
  if (bytes.u32(4) != 0x0002000Eu || bytes.u32(0) != 1u || !bytes.holds(0, kSize))
    return std::nullopt;
  if (bytes.u64(kZeros) != 0u) return std::nullopt;
  NamedAddress out;
  out.at = at;
  out.end = checked_add(at, kSize).value_or(UINT64_MAX);
  out.port = static_cast<std::uint16_t>(big(bytes, 8, 2));
  out.address = big(bytes, 10, 4);
  if (!is_host_address(out.address)) return std::nullopt;
  // The value of the extended attribute of that name opens an address object: the address is local.
  constexpr std::string_view kAttribute("TransportAddress\0", 17);
  std::array<std::byte, kAttribute.size()> front;
  out.local = at >= front.size() && memory.memory.copy(at - front.size(), front) &&
              ByteView(front.data(), front.size()).chars() == kAttribute;
  return out;
}

// RFC 1002 4.4.1, 4.4.2: type, flags, id, source address and port, length, offset, then the
// sender's name, encoded as 32 letters A to P.
std::optional<NamedAddress> read_datagram_source(ByteView bytes, std::uint64_t at) {
  constexpr std::size_t kHeader = 14, kName = 32;
  constexpr std::uint32_t kMostData = 1064;
  if (!bytes.holds(0, kHeader + 2 + kName)) return std::nullopt;
  const std::uint8_t type = *bytes.u8(0), flags = *bytes.u8(1);
  const std::uint32_t length = big(bytes, 10, 2);
  if (type < 0x10 || type > 0x12 || (flags & 0xF0) != 0 || big(bytes, 8, 2) != kDatagramService ||
      length < 2 * (kName + 2) || length > kMostData || *bytes.u8(kHeader) != kName)
    return std::nullopt;
  for (char c : bytes.clamp(kHeader + 1, kName).chars())
    if (c < 'A' || c > 'P') return std::nullopt;
  NamedAddress out;
  out.kind = NamedAddress::Kind::datagram;
  out.at = at;
  out.end = checked_add(at, kHeader + length).value_or(UINT64_MAX);
  out.address = big(bytes, 4, 4);
  out.port = kDatagramService;
  if (!is_host_address(out.address)) return std::nullopt;
  return out;
}

} // namespace dumptriage::system
