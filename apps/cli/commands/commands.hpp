// One add_NAME per subcommand, each in the file of its name.
#pragma once

#include "cli.hpp"

namespace lacuna::cli {

void add_prune(Application& app);
void add_verify(Application& app);
void add_report(Application& app);
void add_rerun(Application& app);
void add_mask(Application& app);
void add_pack(Application& app);
void add_unpack(Application& app);
void add_threshold(Application& app);
void add_eval(Application& app);
void add_activations(Application& app);
void add_bench(Application& app);
void add_advise(Application& app);
void add_tune(Application& app);
void add_compare(Application& app);
void add_ablate(Application& app);
void add_cluster(Application& app);
void add_tsne(Application& app);
void add_neighbours(Application& app);
void add_gradient(Application& app);
void add_pairs(Application& app);
void add_groups(Application& app);
void add_coherence(Application& app);
void add_show(Application& app);
void add_spy(Application& app);
void add_plot(Application& app);
void add_generate(Application& app);
void add_tokenize(Application& app);
void add_study(Application& app);
void add_query(Application& app);
void add_export(Application& app);
void add_info(Application& app);
void add_explain(Application& app);
void add_completion(Application& app);
void add_help(Application& app);

}  // namespace lacuna::cli
