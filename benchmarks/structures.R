# One structured model with nlme: Rscript structures.R CASE FILE REPS -> one JSON line for each fit.
args <- commandArgs(TRUE)
case <- args[1]; reps <- as.integer(args[3])
suppressMessages(library(nlme))
d <- as.data.frame(data.table::fread(args[2]))
wave <- follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time)
means <- y ~ factor(visit) * arm
fit <- switch(case,
  ovary_gls = { d$Mare <- factor(d$Mare); function() gls(wave, d, correlation = corAR1(form = ~ 1 | Mare)) },
  ovary_lme = { d$Mare <- factor(d$Mare)
    function() lme(wave, d, ~ 1 | Mare, correlation = corAR1(form = ~ 1 | Mare)) },
  ar1 = function() gls(means, d, correlation = corAR1(form = ~ visit | subject)),
  us4 = , us10 = function() gls(means, d, correlation = corSymm(form = ~ visit | subject),
                       weights = varIdent(form = ~ 1 | visit),
                       control = glsControl(maxIter = 200, msMaxIter = 500)))
for (r in seq_len(reps)) {
  begin <- Sys.time(); m <- fit()
  cat(jsonlite::toJSON(list(case = case, engine = "nlme",
    seconds = as.numeric(Sys.time() - begin, units = "secs"), loglik = as.numeric(logLik(m))),
    auto_unbox = TRUE, digits = 10), "\n")
}
