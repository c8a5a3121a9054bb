#include "lacuna/tokenizer/post_processor.hpp"

#include <fmt/format.h>

#include <iterator>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

constexpr std::size_t kMaxParts = 16;
constexpr std::size_t kMaxTemplates = 2;  // 16 × 16 times the text at worst

std::int32_t read_id(const JsonNode& node, std::size_t id_end) {
  const std::uint64_t id = node.unsigned_integer();
  if (id >= id_end) node.fail(fmt::format("expected an id below {}, got {}", id_end, id));
  return static_cast<std::int32_t>(id);
}

// ["</s>", 2]
std::int32_t read_token_pair(const JsonNode& node, std::size_t id_end) {
  if (node.size() != 2) node.fail("expected a token and its id");
  static_cast<void>(node.item(0).string());
  return read_id(node.item(1), id_end);
}

std::vector<std::int32_t> read_special_token(const JsonNode& token, std::size_t id_end) {
  std::vector<std::int32_t> ids;
  token.field("ids").for_each_item([&](std::size_t, const JsonNode& id) { ids.push_back(read_id(id, id_end)); });
  return ids;
}

}  // namespace

PostProcessor::Template PostProcessor::load_template(const JsonNode& node, std::size_t id_end) {
  const JsonNode special_tokens = node.field("special_tokens");
  Template parts;
  const auto add = [&](TemplatePart part) {
    // A few parts are honest; a long list, or one special token of a million ids, is an attempt to fill the memory.
    if (parts.size() == kMaxParts || part.ids.size() > kMaxParts) {
      node.fail(fmt::format("expected at most {} parts in a template", kMaxParts));
    }
    parts.push_back(std::move(part));
  };
  node.field("single").for_each_item([&](std::size_t, const JsonNode& item) {
    if (const auto sequence = item.find("Sequence")) {
      if (sequence->field("id").string() != "A") sequence->fail("a template for one text can only hold sequence A");
      add({true, {}});
      return;
    }
    const auto name = item.field("SpecialToken").field("id").string();
    add({false, read_special_token(special_tokens.field(name), id_end)});
  });
  return parts;
}

PostProcessor PostProcessor::around(std::vector<std::int32_t> before, std::vector<std::int32_t> after) {
  PostProcessor processor;
  processor.templates_.push_back({{false, std::move(before)}, {true, {}}, {false, std::move(after)}});
  return processor;
}

PostProcessor PostProcessor::load(const JsonNode& node, std::size_t id_end) {
  const std::string_view type = node.field("type").string();
  PostProcessor processor;
  if (type == "ByteLevel") return processor;
  if (type == "TemplateProcessing") {
    processor.templates_.push_back(load_template(node, id_end));
    return processor;
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    return around({read_token_pair(node.field("cls"), id_end)}, {read_token_pair(node.field("sep"), id_end)});
  }
  if (type == "Sequence") {
    node.field("processors").for_each_item([&](std::size_t, const JsonNode& item) {
      auto part = load(item, id_end);
      std::move(part.templates_.begin(), part.templates_.end(), std::back_inserter(processor.templates_));
    });
    if (processor.templates_.size() > kMaxTemplates) {
      node.fail(fmt::format("expected at most {} templates one after another", kMaxTemplates));
    }
    return processor;
  }
  throw Error(
      ErrorCode::unsupported_tokenizer,
      fmt::format("{}: post-processor \"{}\" is not supported; supported: TemplateProcessing, Sequence, ByteLevel, "
                  "BertProcessing, RobertaProcessing",
                  node.where(), type));
}

std::vector<std::int32_t> PostProcessor::apply(std::vector<std::int32_t> ids, bool add_special_tokens) const {
  for (const auto& parts : templates_) {
    std::vector<std::int32_t> filled;
    filled.reserve(ids.size() + parts.size());
    for (const auto& part : parts) {
      if (part.is_text) {
        filled.insert(filled.end(), ids.begin(), ids.end());
      } else if (add_special_tokens) {
        filled.insert(filled.end(), part.ids.begin(), part.ids.end());
      }
    }
    ids = std::move(filled);
  }
  return ids;
}

}  // namespace lacuna
