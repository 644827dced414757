#include "synth/packets.h"

namespace dumptriage::synth {
namespace {

void big(Bytes& out, std::uint64_t value, int size) {
  for (int i = size - 1; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// One's complement of the one's complement sum of 16-bit words.
std::uint16_t checksum(const Bytes& bytes) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? bytes[i] * 256u : bytes[i];
    if (sum > 0xFFFF) sum -= 0xFFFF;
  }
  return static_cast<std::uint16_t>(~sum);
}

Bytes joined(Bytes a, const Bytes& b) {
  append(a, b);
  return a;
}

} // namespace

Bytes PacketWriter::bytes() const {
  Bytes segment;
  big(segment, source_port, 2);
  big(segment, destination_port, 2);
  const std::size_t sum_at = tcp ? 16 : 6;
  if (tcp) {
    big(segment, sequence, 4);
    big(segment, 0x2000, 4);
    segment.push_back(tcp_offset);
    segment.push_back(tcp_flags);
    big(segment, 0x4000, 2);
    big(segment, 0, 4);
    segment.resize(std::max<std::size_t>(20, (tcp_offset >> 4) * 4u)); // options: all zero
  } else {
    big(segment, 8 + payload.size(), 2);
    big(segment, 0, 2);
  }
  append(segment, payload);
  Bytes pseudo;
  big(pseudo, source, 4);
  big(pseudo, destination, 4);
  big(pseudo, tcp ? 6 : 17, 2);
  big(pseudo, segment.size(), 2);
  const auto sum = static_cast<std::uint16_t>(checksum(joined(pseudo, segment)) + tcp_error);
  segment[sum_at] = static_cast<std::uint8_t>(sum >> 8);
  segment[sum_at + 1] = static_cast<std::uint8_t>(sum);

  Bytes header = {version_and_length, 0};
  big(header, total.value_or(static_cast<std::uint16_t>(20 + segment.size())), 2);
  big(header, id, 2);
  big(header, fragment, 2);
  header.push_back(time_to_live);
  header.push_back(tcp ? 6 : 17);
  big(header, 0, 2);
  big(header, source, 4);
  big(header, destination, 4);
  const auto of_header = static_cast<std::uint16_t>(checksum(header) + ip_error);
  header[10] = static_cast<std::uint8_t>(of_header >> 8);
  header[11] = static_cast<std::uint8_t>(of_header);

  Bytes out;
  if (to_mac != 0) {
    big(out, to_mac, 6);
    big(out, from_mac, 6);
    if (vlan) big(out, 0x81000000u | *vlan, 4);
    big(out, 0x0800, 2);
  }
  append(out, header);
  append(out, segment);
  return out;
}

Bytes transport_address(std::uint32_t address, std::uint16_t port) {
  Bytes out = {1, 0, 0, 0, 0xE, 0, 2, 0};
  big(out, port, 2);
  big(out, address, 4);
  out.resize(0x16);
  return out;
}

Bytes smb1_message(std::uint8_t command, std::optional<std::uint32_t> counted) {
  Bytes message = {0xFF, 'S', 'M', 'B', command};
  message.resize(32);
  message.push_back(2); // WordCount
  message.resize(32 + 1 + 4);
  put16(message, message.size(), 5); // ByteCount
  put_text(message, message.size(), "hello");
  Bytes out = {0};
  big(out, counted.value_or(static_cast<std::uint32_t>(message.size())), 3);
  append(out, message);
  return out;
}

Bytes netbios_datagram(std::uint32_t source, std::string_view name) {
  auto encoded = [](std::string_view text) {
    Bytes out = {32};
    for (std::size_t i = 0; i < 16; ++i) {
      const unsigned c = i < text.size() ? static_cast<unsigned char>(text[i]) : ' ';
      out.push_back(static_cast<std::uint8_t>('A' + c / 16));
      out.push_back(static_cast<std::uint8_t>('A' + c % 16));
    }
    out.push_back(0);
    return out;
  };
  const Bytes names = joined(encoded(name), encoded("WORKGROUP"));
  Bytes out = {0x11, 0x02, 0x12, 0x34};
  big(out, source, 4);
  big(out, 138, 2);
  big(out, names.size() + 8, 2);
  big(out, 0, 2);
  append(out, names);
  put_text(out, out.size(), "mailslot");
  return out;
}

} // namespace dumptriage::synth
