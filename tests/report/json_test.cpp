#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/documents.h"
#include "synth/schema.h"

namespace dumptriage::report {
namespace {

const std::string kSchema = DUMPTRIAGE_SOURCE_DIR "/docs/report.schema.json";

nlohmann::json parsed(const Document& document) { return nlohmann::json::parse(to_json(document)); }

void expect_valid(const Document& document) {
  for (const std::string& error : synth::schema_errors(to_json(document), kSchema))
    ADD_FAILURE() << error;
}

TEST(Json, FullAndEmptyDocumentsMatchTheSchema) {
  expect_valid(full_document());
  expect_valid(Document{});
  Document failed;
  failed.dump.path = "missing.dmp";
  failed.error = Error{Code::io, "missing.dmp", "No such file or directory", {}};
  expect_valid(failed);
}

TEST(Json, InlinedCallsAreRowsOfTheirFrame) {
  Document d = full_document();
  ThreadRow& thread = d.threads[0];
  FrameRow inlined = thread.frames[0];
  inlined.is_inline = true;
  thread.frames.insert(thread.frames.begin(), inlined);
  for (std::size_t i = 0; i < thread.frames.size(); ++i) {
    thread.frames[i].index = i;
    if (i != 0) thread.frames[i].frame = i - 1;
  }
  expect_valid(d);
  const auto frames = parsed(d)["threads"][0]["frames"];
  EXPECT_TRUE(frames[0]["inline"] == true);
  EXPECT_FALSE(frames[0].contains("frame"));
  EXPECT_FALSE(frames[1].contains("inline"));
  EXPECT_TRUE(frames[1]["frame"] == 0);
  EXPECT_TRUE(frames[1]["pc"] == frames[0]["pc"]);
}

TEST(Json, A32BitStackHasAddressesOfEightDigits) {
  Document d = full_document();
  StackRows narrow = d.threads[0];
  narrow.frames.resize(1);
  narrow.frames[0].pc = 0x401026;
  narrow.sure_frames = 1;
  narrow.context_from = "WoW64 CPU area";
  d.threads[0].wow64 = narrow;
  expect_valid(d);
  const auto threads = parsed(d)["threads"];
  EXPECT_TRUE(threads[0]["wow64"]["frames"][0]["pc"] == "0x00401026");
  EXPECT_TRUE(threads[0]["wow64"]["context_from"] == "WoW64 CPU area");
  EXPECT_TRUE(threads[0]["frames"][0]["pc"] == "0xFFFFF80001001234");
  EXPECT_FALSE(threads[1].contains("wow64"));
  d.threads[0].wow64->frames[0].trust = "mistake";
  EXPECT_FALSE(synth::schema_errors(to_json(d), kSchema).empty());
}

const nlohmann::json& resolved(const nlohmann::json& schema, const nlohmann::json& part) {
  const nlohmann::json* at = &part;
  while (at->contains("$ref"))
    at = &schema.at(nlohmann::json::json_pointer(at->at("$ref").get<std::string>().substr(1)));
  return *at;
}

// Every key of `value` must be a property that the schema names.
void undescribed(const nlohmann::json& schema, const nlohmann::json& part,
                 const nlohmann::json& value, const std::string& path,
                 std::vector<std::string>& found) {
  const nlohmann::json& here = resolved(schema, part);
  if (value.is_null()) found.push_back(path + " is null");
  if (value.is_array()) {
    for (const auto& item : value)
      if (here.contains("items"))
        undescribed(schema, here["items"], item, path + "[]", found);
      else
        found.push_back(path + "[]");
  }
  if (!value.is_object()) return;
  for (const auto& [key, item] : value.items()) {
    if (here.contains("properties") && here["properties"].contains(key))
      undescribed(schema, here["properties"][key], item, path + "." + key, found);
    else if (!here.contains("additionalProperties"))
      found.push_back(path + "." + key);
  }
}

TEST(Json, SchemaDescribesEveryKey) {
  nlohmann::json schema = nlohmann::json::parse(std::ifstream(kSchema));
  Document failed = full_document();
  failed.error = Error{Code::truncated, "header", "cut", {Space::file, 16}};
  std::vector<nlohmann::json> all = {parsed(full_document()), parsed(failed), parsed(Document{})};
  for (const auto& entry :
       std::filesystem::directory_iterator(DUMPTRIAGE_SOURCE_DIR "/dumps-samples/expected"))
    all.push_back(nlohmann::json::parse(std::ifstream(entry.path())));
  EXPECT_GE(all.size(), 7u);
  std::vector<std::string> found;
  for (const auto& document : all) undescribed(schema, schema, document, "", found);
  for (const std::string& text : found) ADD_FAILURE() << text << " is not in the schema";
  // The walk must be able to find something.
  all[0]["crash"]["novelty"] = 1;
  undescribed(schema, schema, all[0], "", found);
  EXPECT_EQ(found, std::vector<std::string>{".crash.novelty"});
}

// The validator must be able to say no.
TEST(Json, SchemaRefusesWhatItMust) {
  for (auto [from, to] :
       {std::pair{"\"bugcheck\"", "\"mistake\""}, std::pair{"\"0x000000D1\"", "209"},
        std::pair{"\"0xFFFFF80001001234\"", "\"FFFFF80001001234\""},
        std::pair{"\"verdict\": \"confirmed\"", "\"verdict\": null"},
        std::pair{"\"tool\"", "\"instrument\""}}) {
    std::string json = to_json(full_document());
    std::size_t at = json.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    json.replace(at, std::string_view(from).size(), to);
    EXPECT_FALSE(synth::schema_errors(json, kSchema).empty()) << from;
  }
}

TEST(Json, KeysComeInTheOrderOfTheContract) {
  auto json = nlohmann::ordered_json::parse(to_json(full_document()));
  std::vector<std::string> keys;
  for (auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"schema",
                                            "tool",
                                            "dump",
                                            "os",
                                            "time",
                                            "crash",
                                            "blame",
                                            "bucket",
                                            "cpus",
                                            "processes",
                                            "threads",
                                            "modules",
                                            "modules_complete",
                                            "unloaded_modules",
                                            "waits",
                                            "irps",
                                            "pool",
                                            "network_peers",
                                            "facts",
                                            "coverage",
                                            "wanted",
                                            "matches",
                                            "notes"}));
}

TEST(Json, AddressesHaveTheNativeWidth) {
  Document d = full_document();
  EXPECT_EQ(parsed(d)["crash"]["parameters"][0]["value"], "0x0000000000000010");
  EXPECT_EQ(parsed(d)["threads"][0]["frames"][0]["offset"], "0x000000000000002B");
  d.pointer_size = 4;
  d.crash.parameters[0].value = 0x10;
  EXPECT_EQ(parsed(d)["crash"]["parameters"][0]["value"], "0x00000010");
  // A 32-bit dump can record a 64-bit value: it is not cut.
  d.crash.parameters[0].value = 0xFFFFFFFF00000045;
  EXPECT_EQ(parsed(d)["crash"]["parameters"][0]["value"], "0xFFFFFFFF00000045");
  expect_valid(d);
}

TEST(Json, ValuesArriveWhereTheContractHasThem) {
  nlohmann::json j = parsed(full_document());
  EXPECT_EQ(j["schema"], "dumptriage.report/1");
  EXPECT_EQ(j["crash"]["code"], "0x000000D1");
  EXPECT_EQ(j["crash"]["exception"]["parameters"][1], "0x0000000000000010");
  EXPECT_EQ(j["crash"]["irql"], 2);
  EXPECT_EQ(j["blame"]["module"], "netbt.sys");
  EXPECT_EQ(j["threads"][0]["sure_frames"], 2);
  EXPECT_EQ(j["threads"][0]["frames"][1]["sure"], true);
  EXPECT_EQ(j["threads"][0]["frames"][2]["sure"], false);
  EXPECT_EQ(j["modules"][0]["timestamp"], "0x45D6C53C");
  EXPECT_EQ(j["modules"][0]["debug"]["id"], "00112233445566778899AABBCCDDEEFF1");
  EXPECT_EQ(j["matches"][0]["fix"]["files"][0]["bytes"], 1234);
  EXPECT_EQ(j["matches"][0]["explanation"]["children"][0]["facts"][0], "stop");
  EXPECT_EQ(j["notes"][0]["where"]["space"], "virtual");
  EXPECT_EQ(j["time"]["uptime_s"], 90061);
}

TEST(Json, UnknownIsLeftOut) {
  nlohmann::json j = parsed(Document{});
  EXPECT_FALSE(j.contains("error"));
  EXPECT_FALSE(j["crash"].contains("code"));
  EXPECT_FALSE(j["os"].contains("build"));
  EXPECT_TRUE(j["os"].is_object());
  EXPECT_FALSE(j["blame"].contains("module"));
  EXPECT_EQ(to_json(Document{}).find("null"), std::string::npos);
}

TEST(Json, ThreadsThatWereNotWalkedSayNothingAboutTheirStack) {
  nlohmann::json thread = parsed(full_document())["threads"][1];
  EXPECT_EQ(thread["walked"], false);
  EXPECT_FALSE(thread.contains("frames"));
  EXPECT_FALSE(thread.contains("sure_frames"));
}

TEST(Json, FactNumbersStayExact) {
  nlohmann::json fields = parsed(full_document())["facts"][0]["fields"];
  EXPECT_EQ(fields["code"], 0xD1);
  EXPECT_EQ(fields["huge"], "0xFFFFFFFFFFFFFFFF");
  EXPECT_EQ(fields["p1"], "0x0000000000000010");
  EXPECT_EQ(fields["sure"], true);
}

TEST(Json, OneLineHasNoNewline) {
  std::string line = to_json(full_document(), -1);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(line), parsed(full_document()));
}

// Text is cleaned before it gets here; a slip must still not give invalid JSON.
TEST(Json, HostileNamesStayText) {
  Document d = full_document();
  d.modules[0].name = "\"},\n\\u0000 <script>\x01";
  d.threads[0].process = "bad \xFF\xC0 bytes";
  nlohmann::json j = parsed(d);
  EXPECT_EQ(j["modules"][0]["name"], "\"},\n\\u0000 <script>\x01");
  EXPECT_EQ(j["threads"][0]["process"], "bad \xEF\xBF\xBD\xEF\xBF\xBD bytes");
  expect_valid(d);
}

TEST(Json, ErrorsSayWhatAndWhere) {
  Document d;
  d.error = Error{Code::truncated, "user minidump", "the file ends", Where::file(0x20)};
  nlohmann::json j = parsed(d);
  EXPECT_EQ(j["error"]["code"], "truncated");
  EXPECT_EQ(j["error"]["message"], "user minidump: the file ends");
  EXPECT_EQ(j["error"]["where"]["at"], "0x0000000000000020");
}

TEST(SymbolsJson, SaysWhatIsWantedAndWhatWasFound) {
  Document d = full_document();
  d.modules[0].symbols = "mismatched";
  d.modules[0].symbols_why = "another id";
  nlohmann::json j = nlohmann::json::parse(symbols_json(d));
  EXPECT_EQ(j["modules"][0]["image"]["id"], "45D6C53C6000");
  EXPECT_EQ(j["modules"][0]["image"]["result"], "file");
  EXPECT_EQ(j["modules"][0]["symbols"]["result"], "mismatched");
  EXPECT_EQ(j["modules"][0]["symbols"]["why"], "another id");
}

} // namespace
} // namespace dumptriage::report
