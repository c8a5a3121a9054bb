// `lacuna eval`: perplexity, and divergence from the dense model.
#include <fmt/format.h>

#include "analysis_argument.hpp"
#include "commands.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/store/database.hpp"
#include "lacuna/study/analyses/activation_file.hpp"
#include "lacuna/study/analyses/evaluation.hpp"
#include "lacuna/study/analyses/sparse_evaluation.hpp"

namespace lacuna::cli {
namespace {

struct EvalCommand {
  std::string model;
  std::string text;
  std::string tokens;
  std::string against;
  std::string compute = "f32";
  std::string database;
  std::vector<double> activation_sparsities;
  std::string profile;
  std::string rule;
  PerplexityOptions options;
};

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

ThresholdRule rule_of(const EvalCommand& command, const ActivationProfile& profile) {
  if (command.rule.empty()) return profile.allocations.empty() ? ThresholdRule::quantile : ThresholdRule::greedy;
  if (command.rule == "greedy") return ThresholdRule::greedy;
  return command.rule == "teal" ? ThresholdRule::teal : ThresholdRule::quantile;
}

const char* rule_name(ThresholdRule rule) {
  if (rule == ThresholdRule::greedy) return "greedy";
  return rule == ThresholdRule::teal ? "teal" : "quantile";
}

struct SparseResults {
  ThresholdRule rule = ThresholdRule::quantile;
  std::vector<SparseEvaluation> evaluations;
};

// Empty when the command does not ask for activation sparsity.
SparseResults evaluate_thresholds(const Session& session, const EvalCommand& command, const EvaluationRequest& request,
                                  const TokenSource& text) {
  SparseResults results;
  if (command.profile.empty() && command.activation_sparsities.empty()) return results;
  ActivationProfile profile;
  if (!command.profile.empty()) {
    profile = read_activation_profile(command.profile);
  } else {
    session.note("thresholds from the first windows of the text itself; --profile FILE takes others");
    profile = calibrate_on(command.model, text, command.options, command.activation_sparsities, session.context());
  }
  const auto& sparsities = command.activation_sparsities.empty() ? profile.targets : command.activation_sparsities;
  results.rule = rule_of(command, profile);
  results.evaluations = evaluate_sparse(request, text, profile, sparsities, results.rule, session.context());
  return results;
}

void print_sparse(const Session& session, const SparseResults& results) {
  if (results.evaluations.empty()) return;
  std::vector<std::vector<std::string>> rows = {{"activation sparsity", "skipped weights", "perplexity", "kl"}};
  for (const auto& e : results.evaluations) {
    const auto& divergence = e.result.divergence;
    rows.push_back({fmt::format("{:g} %", 100.0 * e.sparsity),
                    fmt::format("{:.2f} %", 100.0 * e.result.skipped_weights.value_or(0.0)),
                    fmt::format("{:.4f} ± {:.4f}", e.result.perplexity, e.result.perplexity_stderr),
                    divergence ? fmt::format("{:.6f}", divergence->kl_mean) : "–"});
  }
  session.print(fmt::format("\nthresholds: {}", rule_name(results.rule)));
  session.print(text_table(rows));
}

Json sparse_json(const SparseResults& results, const EvalCommand& command) {
  Json list = Json::array();
  for (const auto& e : results.evaluations) {
    const auto& divergence = e.result.divergence;
    list.push_back({{"sparsity", e.sparsity},
                    {"rule", rule_name(results.rule)},
                    {"profile", command.profile.empty() ? Json(nullptr) : Json(command.profile)},
                    {"skipped_weights", optional_json(e.result.skipped_weights)},
                    {"perplexity", e.result.perplexity},
                    {"perplexity_stderr", e.result.perplexity_stderr},
                    {"nll", e.result.nll},
                    {"kl_mean", divergence ? Json(divergence->kl_mean) : Json(nullptr)},
                    {"top1_agreement", divergence ? Json(divergence->top1_agreement) : Json(nullptr)}});
  }
  return list;
}

void store_evaluation(const std::string& file, const EvaluationRecord& record) {
  Database database(file);
  RecordSet set(database);
  database.write(record);
  set.commit();
}

std::string evaluation_table(const EvaluationRecord& record) {
  std::vector<std::vector<std::string>> rows = {
      {"perplexity", fmt::format("{:.4f} ± {:.4f}", record.perplexity, record.perplexity_stderr.value_or(0.0))},
      {"nll", fmt::format("{:.6f} nats per token", record.nll)},
      {"windows", fmt::format("{} of {} tokens ({} predicted)", record.windows, record.seqlen,
                              human_count(static_cast<std::uint64_t>(record.tokens)))}};
  if (record.kl_mean) {
    rows.push_back({"kl", fmt::format("{:.6f} ± {:.6f} nats per token from {}", *record.kl_mean, *record.kl_stderr,
                                      record.against)});
    rows.push_back({"top-1", fmt::format("{:.2f} ± {:.2f} % the same most likely token", 100.0 * *record.top1_agreement,
                                         100.0 * record.top1_stderr.value_or(0.0))});
  }
  return text_table(rows);
}

Json evaluation_json(const EvaluationRecord& record, const std::string& text, Json activation_sparsity) {
  return {{"model", record.model},
          {"text", text},
          {"text_digest", record.text_digest},
          {"perplexity", record.perplexity},
          {"perplexity_stderr", optional_json(record.perplexity_stderr)},
          {"nll", record.nll},
          {"seqlen", record.seqlen},
          {"windows", record.windows},
          {"tokens", record.tokens},
          {"against", record.against.empty() ? Json(nullptr) : Json(record.against)},
          {"kl_mean", optional_json(record.kl_mean)},
          {"kl_stderr", optional_json(record.kl_stderr)},
          {"top1_agreement", optional_json(record.top1_agreement)},
          {"top1_stderr", optional_json(record.top1_stderr)},
          {"activation_sparsity", std::move(activation_sparsity)},
          {"elapsed_seconds", record.elapsed_seconds}};
}

void run_eval(const Session& session, EvalCommand command) {
  if (command.text.empty() == command.tokens.empty()) {
    throw Error(ErrorCode::missing_argument, "expected either --text FILE or --tokens FILE");
  }
  refuse_other_files(command.database);
  command.options.compute = parse_compute(command.compute);
  const std::string file = command.text.empty() ? command.tokens : command.text;
  const auto source = read_evaluation_text(command.model, file);
  const EvaluationRequest request = {command.model, file, command.against, command.options};
  const auto sparse = evaluate_thresholds(session, command, request, source);
  const auto record = evaluate(request, source, session.context());
  if (!command.database.empty()) store_evaluation(command.database, record);
  session.finish_progress();
  session.print(evaluation_table(record));
  print_sparse(session, sparse);
  session.print_json(evaluation_json(record, file, sparse_json(sparse, command)));
}

}  // namespace

void add_eval(Application& app) {
  auto& command = app.command("Measure", "eval", "Measure perplexity, and divergence from the dense model");
  auto options = std::make_shared<EvalCommand>();
  command.add_option("model", options->model, "model folder or hub id")->required()->type_name("MODEL");
  command.add_option("--text", options->text, "UTF-8 text, tokenized with the model's tokenizer")->type_name("FILE");
  command.add_option("--tokens", options->tokens, "token .npy or .safetensors")->type_name("FILE");
  command.add_option("--seqlen", options->options.seqlen, "tokens in a window")
      ->capture_default_str()
      ->check(CLI::Range(2, 1 << 24));
  command.add_option("--windows", options->options.max_windows, "at most this many windows (0: all)")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--against", options->against, "dense model: also KL divergence and top-1 agreement")
      ->type_name("MODEL");
  command.add_option("--compute", options->compute, "f32 or bf16")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  command
      .add_option("--activation-sparsity", options->activation_sparsities,
                  "also with the small inputs of every linear taken as 0: target sparsities")
      ->delimiter(',')
      ->type_name("S,…");
  command
      .add_option("--profile", options->profile, "thresholds of `lacuna activations` (default sparsities: all of its)")
      ->type_name("FILE");
  command.add_option("--rule", options->rule, "quantile, teal or greedy (default: greedy where the profile has it)")
      ->check(CLI::IsMember({"quantile", "teal", "greedy"}));
  command.add_option("--db", options->database, "also record the result in this database")->type_name("FILE");
  command.footer(
      "Perplexity is exp of the mean over disjoint windows of --seqlen tokens, each predicting its last\n"
      "seqlen − 1; the tail is dropped.\n"
      "Example: lacuna eval pruned --text wiki.txt --seqlen 512 --against dense\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_eval(session, *options); });
}

}  // namespace lacuna::cli
