#include "synth/schema.h"

#include <fstream>

#include <nlohmann/json.hpp>

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace dumptriage::synth {
namespace {

// Parsed once for each path.
const valijson::Schema* schema_of(const std::string& path) {
  static std::string last;
  static std::unique_ptr<valijson::Schema> schema;
  if (last == path) return schema.get();
  last = path;
  schema.reset();
  std::ifstream file(path);
  nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  if (json.is_discarded()) return nullptr;
  schema = std::make_unique<valijson::Schema>();
  valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(json), *schema);
  return schema.get();
}

} // namespace

std::vector<std::string> schema_errors(const std::string& json, const std::string& schema_path) {
  const valijson::Schema* schema = schema_of(schema_path);
  if (!schema) return {"the schema cannot be read: " + schema_path};
  nlohmann::json document = nlohmann::json::parse(json, nullptr, false);
  if (document.is_discarded()) return {"not JSON"};
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(*schema, valijson::adapters::NlohmannJsonAdapter(document), &results))
    return {};
  std::vector<std::string> errors;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    std::string where;
    for (const std::string& part : error.context) where += part;
    errors.push_back(where + ": " + error.description);
  }
  if (errors.empty()) errors.push_back("not valid");
  return errors;
}

} // namespace dumptriage::synth
