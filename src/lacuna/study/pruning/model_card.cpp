#include "lacuna/study/pruning/model_card.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/formats/json_text.hpp"
#include "lacuna/study/pruning/prune_output.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kMark = "<!-- written by lacuna prune -->";
constexpr const char* kCardName = "README.md";

// Text of the input inside Markdown: no character that would end a cell, a line or a tag.
std::string plain(std::string text) {
  const auto is_markup = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '|' || c == '<' || c == '`';
  };
  std::replace_if(text.begin(), text.end(), is_markup, ' ');
  return text;
}

// A hub id as given; of a local folder only its name, since the rest of the path is nobody's business.
std::string base_model(const std::string& reference) {
  const auto at = reference.find('@');
  const std::string id = reference.substr(0, at);
  const bool local =
      id.starts_with('/') || id.starts_with('.') || std::count(id.begin(), id.end(), '/') > 1 || fs::exists(reference);
  if (!local) return id;
  auto path = fs::path(reference).lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  return path.filename().string();
}

// The matrices of one component, over all layers, in the order of their first layer.
struct ComponentSummary {
  std::string component;
  double zeros = 0.0;
  double numel = 0.0;
  double error_sum = 0.0;
  int n_errors = 0;
};

std::vector<ComponentSummary> summarize(const std::vector<MatrixRecord>& matrices) {
  std::vector<ComponentSummary> all;
  for (const auto& matrix : matrices) {
    const auto same = [&](const ComponentSummary& summary) { return summary.component == matrix.component; };
    auto found = std::find_if(all.begin(), all.end(), same);
    if (found == all.end()) found = all.insert(all.end(), {.component = matrix.component});
    const auto numel = static_cast<double>(matrix.rows * matrix.cols);
    found->numel += numel;
    found->zeros += matrix.sparsity * numel;
    if (!matrix.relative_error) continue;
    found->error_sum += *matrix.relative_error;
    ++found->n_errors;
  }
  return all;
}

std::string matrix_table(const std::vector<MatrixRecord>& matrices) {
  std::string table = "| linear | parameters | sparsity | mean relative error |\n|---|---|---|---|\n";
  for (const auto& s : summarize(matrices)) {
    const auto error = s.n_errors > 0 ? fmt::format("{:.4f}", s.error_sum / s.n_errors) : std::string("–");
    table += fmt::format("| {} | {:.0f} | {:.2f} % | {} |\n", plain(s.component), s.numel,
                         100.0 * s.zeros / std::max(s.numel, 1.0), error);
  }
  return table;
}

std::string calibration_line(const PruneRecipe& recipe) {
  if (recipe.samples == 0) return "none";
  return fmt::format("{} sequences of {} tokens, seed {}, SHA-256 {}", recipe.samples, recipe.seqlen, recipe.seed,
                     recipe.calibration_digest.substr(0, 16));
}

// What the base model's folder calls its licence.
std::string find_licence(const fs::path& folder) {
  for (const char* name : {"LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING", "USE_POLICY.md"}) {
    if (fs::exists(folder / name)) return name;
  }
  return "";
}

}  // namespace

std::string model_card(const PruneRecipe& recipe, const std::vector<MatrixRecord>& matrices,
                       const std::string& licence_file) {
  const std::string base = base_model(recipe.model);
  const std::string licence =
      licence_file.empty() ? "The licence of the base model holds; its folder came without a licence file."
                           : fmt::format("The licence of the base model holds: [{}]({}).", licence_file, licence_file);
  return fmt::format(
      "---\nbase_model: {}\nlibrary_name: transformers\npipeline_tag: text-generation\n"
      "tags:\n- pruned\n- sparse\n- {}\n- lacuna\n---\n{}\n"
      "# {}, pruned to {} with {}\n\n"
      "| | |\n|---|---|\n| base model | {} |\n| method | {} |\n| target | {} |\n| sparsity of the pruned linears | "
      "{:.2f} % "
      "|\n| calibration | {} |\n| made by | Lacuna {} |\n\n{}\n"
      "`lacuna.json` holds the whole recipe and every matrix; `lacuna rerun` repeats it and `lacuna verify` "
      "compares.\n\n"
      "## Licence\n\n{}\n",
      json_text(base), recipe.method, kMark, plain(base), recipe.target.label(), recipe.method, plain(base),
      recipe.method, recipe.target.label(), 100.0 * overall_sparsity(matrices), calibration_line(recipe),
      recipe.version, matrix_table(matrices), licence);
}

void write_model_card(const fs::path& folder, const PruneRecipe& recipe, const std::vector<MatrixRecord>& matrices) {
  constexpr std::uint64_t kMaxCardBytes = std::uint64_t{1} << 30;
  const fs::path path = folder / kCardName;
  const bool foreign = fs::exists(path) && read_file(path, kMaxCardBytes).find(kMark) == std::string::npos;
  if (!foreign) write_file_atomic(path, model_card(recipe, matrices, find_licence(folder)));
}

}  // namespace lacuna
