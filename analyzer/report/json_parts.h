// The parts of the JSON document, one file each; json.cpp puts them in order.
// Unknown is left out, never null: see docs/report.schema.json.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "report/document.h"

namespace dumptriage::report::json {

using Json = nlohmann::ordered_json;

Json crash_of(const Document& document);
Json cpus_of(const Document& document);
Json threads_of(const Document& document);
Json modules_of(const Document& document);
Json unloaded_modules_of(const Document& document);
Json waits_of(const Document& document);
Json irps_of(const Document& document);
Json pool_of(const Document& document);
Json facts_of(const Document& document);
Json coverage_of(const Document& document);
Json matches_of(const Document& document);
Json notes_of(const Document& document);
Json recommendation_of(const Document& document); // {} when there is none
Json peers_of(const Document& document);
Json where_of(const Where& where, int pointer_size);

// An address or another 64-bit value, padded to the machine's width.
std::string address(std::uint64_t value, int pointer_size);
// A 32-bit code, time stamp or checksum: eight digits.
std::string code(std::uint32_t value);

inline void put(Json& to, const char* key, const std::string& text) {
  if (!text.empty()) to[key] = text;
}
template <class T> void put(Json& to, const char* key, const std::optional<T>& value) {
  if (value) to[key] = *value;
}
inline void put_address(Json& to, const char* key, const std::optional<std::uint64_t>& value,
                        int pointer_size) {
  if (value) to[key] = address(*value, pointer_size);
}
// Nothing is an empty object, which is left out.
inline void put_object(Json& to, const char* key, Json&& object) {
  if (!object.empty()) to[key] = std::move(object);
}

} // namespace dumptriage::report::json
