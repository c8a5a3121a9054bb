#include "lacuna/formats/script_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {
namespace {

constexpr std::string_view kExtension = ".pt";
constexpr std::string_view kWeightSuffix = ".weight";

// Decimal digits only, without leading zeros; nullopt beyond six digits, which no layer or pattern has.
std::optional<int> parse_count(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || text.size() > 6 || !std::all_of(text.begin(), text.end(), digit)) return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<SparsityPattern> valid_pattern(std::optional<int> n, std::optional<int> m) {
  if (!n || !m) return std::nullopt;
  const bool unstructured = *n == 0 && *m == 0;
  if (!unstructured && (*n == 0 || *n >= *m)) return std::nullopt;
  return SparsityPattern{*n, *m};
}

std::optional<SparsityPattern> parse_pattern_text(std::string_view text) {  // "2-4"
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  return valid_pattern(parse_count(text.substr(0, dash)), parse_count(text.substr(dash + 1)));
}

// "0.5" as Python prints a float in [0, 1]: 0, 0.0, 1.0, 0.55; from_chars would take "5e-1", "inf" and "nan" too.
std::optional<double> parse_sparsity(std::string_view text) {
  const auto plain = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
  if (text.empty() || !std::all_of(text.begin(), text.end(), plain)) return std::nullopt;
  double value = 0.0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value > 1.0) return std::nullopt;
  return value;
}

std::string format_sparsity(double sparsity) {  // shortest text that reads back, with Python's ".0"
  const std::string text = fmt::format("{}", sparsity);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

bool is_component(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  };
  return !text.empty() && text.front() != '.' && text.back() != '.' && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), plain);
}

bool is_method(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), plain);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace

std::optional<ScriptFileName> parse_script_file_name(std::string_view file_name) {
  if (!file_name.starts_with("layer") || !file_name.ends_with(kExtension)) return std::nullopt;
  const auto parts = split(file_name.substr(5, file_name.size() - 5 - kExtension.size()), '-');
  if (parts.size() != 2 && parts.size() != 4 && parts.size() != 5) return std::nullopt;
  const auto layer = parse_count(parts[0]);
  if (!layer || !is_component(parts[1])) return std::nullopt;
  ScriptFileName name{*layer, std::string(parts[1]), {}, {}};
  if (parts.size() > 2) {
    name.pattern = valid_pattern(parse_count(parts[2]), parse_count(parts[3]));
    if (!name.pattern) return std::nullopt;
  }
  if (parts.size() == 5) {
    name.sparsity = parse_sparsity(parts[4]);
    if (!name.sparsity) return std::nullopt;
  }
  return name;
}

std::string format_script_file_name(const ScriptFileName& name) {
  std::string text = fmt::format("layer{}-{}", name.layer, name.component);
  if (name.pattern) text += fmt::format("-{}-{}", name.pattern->n, name.pattern->m);
  if (name.sparsity) text += "-" + format_sparsity(*name.sparsity);
  text += kExtension;
  if (parse_script_file_name(text) != name) {
    throw Error(ErrorCode::invalid_argument, fmt::format("no file name of the scripts can say {}", printable(text)));
  }
  return text;
}

std::optional<ScriptFolderName> parse_script_folder_name(std::string_view folder_name) {
  const auto split_at = folder_name.rfind('_');
  if (split_at == std::string_view::npos) return std::nullopt;
  const auto method = folder_name.substr(0, split_at);
  const auto pattern = folder_name.substr(split_at + 1);
  if (!is_method(method)) return std::nullopt;
  if (pattern == "unstructured") return ScriptFolderName{std::string(method), {}};
  const auto parsed = parse_pattern_text(pattern);
  if (!parsed || parsed->m == 0) return std::nullopt;
  return ScriptFolderName{std::string(method), *parsed};
}

std::string format_script_folder_name(const ScriptFolderName& name) {
  const bool unstructured = name.pattern.m == 0;
  const std::string text = unstructured ? name.method + "_unstructured"
                                        : fmt::format("{}_{}-{}", name.method, name.pattern.n, name.pattern.m);
  if (parse_script_folder_name(text) != name) {
    throw Error(ErrorCode::invalid_argument, fmt::format("no folder name of the scripts can say {}", printable(text)));
  }
  return text;
}

std::optional<int> parse_layer_folder_name(std::string_view folder_name) {
  if (!folder_name.starts_with("layer-")) return std::nullopt;
  return parse_count(folder_name.substr(6));
}

std::filesystem::path script_path(const std::string& method, const ScriptFileName& name) {
  const ScriptFolderName folder{method, name.pattern.value_or(SparsityPattern{})};
  return std::filesystem::path(format_script_folder_name(folder)) / fmt::format("layer-{}", name.layer) /
         format_script_file_name(name);
}

const std::vector<std::string>& script_components() {
  static const std::vector<std::string> components = {"self_attn.q_proj",
                                                      "self_attn.k_proj",
                                                      "self_attn.v_proj",
                                                      "self_attn.o_proj",
                                                      "mlp.gate_proj",
                                                      "mlp.up_proj",
                                                      "mlp.down_proj",
                                                      "self_attn.out_proj",
                                                      "fc1",
                                                      "fc2"};
  return components;
}

// Families differ only in what stands before the list of blocks and in the list's name.
std::optional<LayerComponent> match_weight_name(std::string_view tensor_name) {
  if (!tensor_name.ends_with(kWeightSuffix)) return std::nullopt;
  std::string_view rest = tensor_name.substr(0, tensor_name.size() - kWeightSuffix.size());
  while (true) {
    const auto dot = rest.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const auto segment = rest.substr(0, dot);
    rest.remove_prefix(dot + 1);
    if (segment != "layers" && segment != "h" && segment != "blocks") continue;
    if (auto key = parse_mask_key(rest)) return key;
  }
}

std::optional<LayerComponent> parse_mask_key(std::string_view key) {
  const auto dot = key.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto layer = parse_count(key.substr(0, dot));
  if (!layer || !is_component(key.substr(dot + 1))) return std::nullopt;
  return LayerComponent{*layer, std::string(key.substr(dot + 1))};
}

std::string format_mask_key(const LayerComponent& key) { return fmt::format("{}.{}", key.layer, key.component); }

}  // namespace lacuna
