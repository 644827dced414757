// network_peer: {port: 139, protocol: tcp}, or true.  The sender of a packet was found; a candidate
// is a weak yes.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"

namespace dumptriage::rules {
namespace {

class NetworkPeer : public Condition {
public:
  NetworkPeer(std::vector<std::uint64_t> ports, std::string protocol)
      : ports_(std::move(ports)), protocol_(std::move(protocol)) {
    condition_ = "network peer";
    std::vector<std::string> words;
    for (auto port : ports_) words.push_back(std::to_string(port));
    if (!words.empty()) condition_ += " with port " + join(words);
    if (!protocol_.empty()) condition_ += " by " + protocol_;
  }

  Finding judge(const FactView& facts) const override {
    Search search;
    for (const evidence::Fact* peer : facts.of_kind("network_peer")) {
      const auto port = peer->number("port");
      const std::string_view protocol = text_of(*peer, "protocol");
      Keys keys;
      if (!ports_.empty())
        keys.add(port.has_value(), std::ranges::find(ports_, port.value_or(0)) != ports_.end());
      if (!protocol_.empty()) keys.add(!protocol.empty(), equals_no_case(protocol, protocol_));
      if (text_of(*peer, "certainty") != "agreed") keys.doubt("it is a candidate only");
      if (search.add(*peer, keys, [&] {
            return fmt::format("{}{}{}", text_of(*peer, "address"), port ? ", port " : "",
                               port ? std::to_string(*port) : "");
          }))
        break;
    }
    return std::move(search).result(condition_, facts, {"network_peer"},
                                    "no such address was found",
                                    "not all is known of the addresses that were found");
  }

  void needs(Needs& needs) const override { needs.push_back({NeedKind::fact, {"network_peer"}}); }
  unsigned weight() const override { return 1; }

private:
  std::vector<std::uint64_t> ports_;
  std::string protocol_;
  std::string condition_;
};

} // namespace

ConditionPtr read_network_peer(YamlReader& yaml, const RuleContext&) {
  std::vector<std::uint64_t> ports;
  std::string protocol;
  if (yaml.kind() == YamlReader::Kind::scalar) {
    if (!read_true(yaml, "network_peer")) return nullptr;
  } else {
    yaml.fields("network_peer",
                {{"port", false, [&] { read_numbers(yaml, ports, "a port such as 139"); }},
                 {"protocol", false, [&] { yaml.text_into(protocol, "a protocol such as tcp"); }}});
    if (ports.empty() && protocol.empty()) {
      if (yaml.kind() == YamlReader::Kind::map)
        yaml.error("network_peer: expected 'port' or 'protocol', or write 'network_peer: true'");
      return nullptr;
    }
  }
  return std::make_shared<NetworkPeer>(std::move(ports), std::move(protocol));
}

} // namespace dumptriage::rules
