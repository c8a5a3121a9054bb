#include "lacuna/formats/hub_cache.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t kMaxListed = 12;          // names in a message
constexpr std::size_t kMaxScanned = 100'000;    // entries of a cache folder
constexpr std::size_t kShortestHashPrefix = 4;  // as git

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

// One part of an id or a revision: the hub forbids "--" and ".." in ids because "--" separates parts in the cache.
bool is_part(std::string_view text, bool id) {
  if (text.empty() || text.size() > 96 || text.front() == '.' || text.front() == '-' || text.back() == '.')
    return false;
  if (text.find("..") != std::string_view::npos || !std::all_of(text.begin(), text.end(), is_word_character)) {
    return false;
  }
  return !id || (text.find("--") == std::string_view::npos && text.back() != '-');
}

bool all_parts(std::string_view text, std::size_t most, bool id) {
  std::size_t parts = 0;
  while (true) {
    const auto slash = text.find('/');
    if (++parts > most || !is_part(text.substr(0, slash), id)) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool is_hash(std::string_view text) {
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() >= kShortestHashPrefix && text.size() <= 64 && std::all_of(text.begin(), text.end(), hex);
}

std::optional<fs::path> environment_path(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  const std::string text = value;
  const char* home = std::getenv("HOME");
  if (home != nullptr && (text == "~" || text.starts_with("~/"))) return fs::path(home + text.substr(1));
  return fs::path(text);
}

fs::path model_folder(const fs::path& cache, const std::string& id) {
  std::string name = "models--";
  for (const char c : id) name += c == '/' ? std::string("--") : std::string(1, c);
  return cache / name;
}

// Names of a folder's entries, sorted; empty when it cannot be listed.
std::vector<std::string> names_in(const fs::path& folder) {
  std::error_code failure;
  std::vector<std::string> names;
  fs::directory_iterator entry(folder, failure);
  for (const fs::directory_iterator end; !failure && entry != end && names.size() < kMaxScanned;
       entry.increment(failure)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> refs_in(const fs::path& refs) {
  std::error_code failure;
  std::vector<std::string> names;
  fs::recursive_directory_iterator entry(refs, failure);
  for (const fs::recursive_directory_iterator end; !failure && entry != end && names.size() < kMaxListed;
       entry.increment(failure)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) names.push_back(entry->path().lexically_relative(refs).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string listed(std::vector<std::string> names, std::string_view none) {
  if (names.empty()) return std::string(none);
  const bool cut = names.size() > kMaxListed;
  if (cut) names.resize(kMaxListed);
  return fmt::format("{}{}", fmt::join(names, ", "), cut ? ", …" : "");
}

Error model_not_cached(const HubReference& wanted, const HubCacheFolder& cache) {
  std::vector<std::string> models;
  for (const auto& name : names_in(cache.path)) {
    if (!name.starts_with("models--")) continue;
    std::string id = name.substr(8);
    if (const auto split = id.find("--"); split != std::string::npos) id.replace(split, 2, "/");
    models.push_back(printable(id));
  }
  return Error(ErrorCode::not_found, fmt::format("{} is neither a folder nor a model in the hub cache {} (from {})",
                                                 printable(wanted.id), cache.path.string(), cache.chosen_by))
      .hint(fmt::format("cached models: {}. Nothing is downloaded: fetch it first, or set HF_HUB_CACHE",
                        listed(std::move(models), "none")));
}

Error revision_not_cached(const HubReference& wanted, const fs::path& model, std::string_view problem) {
  return Error(ErrorCode::not_found, fmt::format("{} is in the hub cache, but {}", printable(wanted.id), problem))
      .at(model)
      .hint(fmt::format("revisions there: {}; commits: {}", listed(refs_in(model / "refs"), "none"),
                        listed(names_in(model / "snapshots"), "none")));
}

fs::path resolve_revision(const HubReference& wanted, const fs::path& model) {
  std::error_code ignored;
  const fs::path ref = model / "refs" / wanted.revision;
  std::string hash = wanted.revision;
  if (fs::is_regular_file(ref, ignored)) {
    hash = read_file(ref, 256);
    while (!hash.empty() && (hash.back() == '\n' || hash.back() == ' ' || hash.back() == '\r')) hash.pop_back();
    if (!is_hash(hash)) {
      throw Error(ErrorCode::corrupt_file, fmt::format("expected a commit hash, got {}", printable(hash))).at(ref, 0);
    }
    if (fs::is_directory(model / "snapshots" / hash, ignored)) return model / "snapshots" / hash;
    const auto problem = fmt::format("its revision {} points to commit {}, which is not", wanted.revision, hash);
    throw revision_not_cached(wanted, model, problem);
  }
  std::vector<std::string> matches;
  for (const auto& snapshot : names_in(model / "snapshots")) {
    if (is_hash(hash) && is_hash(snapshot) && snapshot.starts_with(hash)) matches.push_back(snapshot);
  }
  if (matches.size() == 1) return model / "snapshots" / matches.front();
  throw revision_not_cached(wanted, model,
                            matches.empty() ? fmt::format("its revision {} is not", printable(wanted.revision))
                                            : fmt::format("{} begins several commits", wanted.revision));
}

}  // namespace

std::optional<HubReference> parse_hub_reference(std::string_view text) {
  const auto at = text.find('@');
  const auto id = text.substr(0, at);
  const auto revision = at == std::string_view::npos ? std::string_view("main") : text.substr(at + 1);
  if (!all_parts(id, 2, true) || !all_parts(revision, 4, false)) return std::nullopt;
  return HubReference{std::string(id), std::string(revision)};
}

HubCacheFolder hub_cache_folder() {
  if (const auto path = environment_path("HF_HUB_CACHE")) return {*path, "HF_HUB_CACHE"};
  if (const auto path = environment_path("HF_HOME")) return {*path / "hub", "HF_HOME"};
  if (const auto path = environment_path("XDG_CACHE_HOME")) return {*path / "huggingface/hub", "XDG_CACHE_HOME"};
  return {environment_path("HOME").value_or("/") / ".cache/huggingface/hub", "HOME"};
}

fs::path resolve_model(const std::string& reference) { return resolve_model(reference, hub_cache_folder()); }

fs::path resolve_model(const std::string& reference, const HubCacheFolder& cache) {
  std::error_code ignored;
  if (fs::is_directory(reference, ignored)) return reference;
  if (fs::exists(reference, ignored)) {
    throw Error(ErrorCode::not_found, "expected the folder of a model, got a file").at(reference);
  }
  const auto wanted = parse_hub_reference(reference);
  if (!wanted) {
    throw Error(ErrorCode::not_found, fmt::format("no folder {}", printable(reference)))
        .hint("a model is a folder, or an id OWNER/NAME or OWNER/NAME@REVISION of the local hub cache");
  }
  const fs::path model = model_folder(cache.path, wanted->id);
  if (!fs::is_directory(model, ignored)) throw model_not_cached(*wanted, cache);
  return resolve_revision(*wanted, model);
}

}  // namespace lacuna
