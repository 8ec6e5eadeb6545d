# What R prints for many vectors, tables, names and formulas -> rformat.json
# Rscript rformat.R        (numbers are written in hexadecimal, so that they are exact)
suppressMessages({library(jsonlite); library(lme4)})
options(width = 80, digits = 7, scipen = 0)
set.seed(20)
hex <- function(x) ifelse(is.na(x) | is.infinite(x), as.character(x), sprintf("%a", x))
ties <- c(0.15, 0.25, 0.35, 0.45, 2.5, 0.5, 1.5, 1.005, 2.675, 0.125, 0.375, 1e5 + 0.5, 1234.5, 99999.5,
          9.9996, 99.995, 0.99995, 12.345, 1.25e-7, 3.5e10, 1e-4 * 5.5, 100.5, 1e15 / 3, 1e22, 5e-324)
draw <- function(i) {
  n <- sample(1:6, 1)
  switch(i %% 10 + 1,
    rnorm(n), rnorm(n) * 10^sample(-20:20, 1), rnorm(n) * 10^sample(-4:6, n, TRUE),
    sample(-1e6:1e6, n) + 0, round(rnorm(n, 50, 20), sample(0:4, 1)), 10^sample(-20:20, n, TRUE),
    sample(ties, n), c(rnorm(n), sample(c(NaN, NA, Inf, -Inf, 0), 1)),
    signif(rnorm(n) * 10^sample(-7:7, 1), sample(1:6, 1)), c(0, -abs(rnorm(n)) * 10^sample(-20:20, n, TRUE)))
}
vectors <- lapply(1:500, draw)
formats <- lapply(seq_along(vectors), function(i) {
  x <- vectors[[i]]; d <- sample(1:12, 1); ns <- if (i %% 5 == 0) sample(1:4, 1) else 0
  list(x = I(hex(x)), digits = d, nsmall = ns, out = I(format(x, digits = d, nsmall = ns)))
})
rounds <- lapply(c(vectors[1:150], list(ties)), function(x) {
  d <- sample(1:8, 1); k <- sample(-2:6, 1)
  list(x = I(hex(x)), digits = d, signif = I(hex(signif(x, d))), places = k, round = I(hex(round(x, k))))
})
cats <- lapply(vectors[1:150], function(x) list(x = I(hex(x)), out = I(sapply(x, function(v) capture.output(cat(v))))))
pvals <- lapply(1:300, function(i) {
  n <- sample(1:6, 1)
  p <- switch(i %% 6 + 1, runif(n), 10^-runif(n, 0, 20), c(10^-runif(n, 0, 5), NA), c(runif(n), 1e-20),
              rep(1e-30, n), c(sample(c(0, 1, 0.05, 0.001, 0.0001, 1e-4, 0.5, 9.9999e-4, 0.99999), n, TRUE)))
  d <- sample(1:6, 1)
  list(x = I(hex(p)), digits = d, out = I(format.pval(p, digits = d, eps = .Machine$double.eps)))
})
mat <- function(m) lapply(seq_len(nrow(m)), function(i) I(hex(m[i, ])))
coefs <- lapply(1:250, function(i) {
  p <- sample(1:7, 1)
  scale <- 10^switch(i %% 4 + 1, rep(0, p), sample(-2:2, p, TRUE), sample(-6:6, p, TRUE), rep(sample(-9:9, 1), p))
  se <- runif(p, 0.05, 3) * scale; t <- switch(i %% 3 + 1, rnorm(p) * 3, rnorm(p), rnorm(p) * 30); est <- se * t
  if (i %% 11 == 0) est[1] <- 0
  if (i %% 13 == 0) { est <- round(est, 2); se <- round(se, 2) + 0.01 }
  df <- switch(i %% 3 + 1, runif(p, 1, 20), runif(p, 50, 3000), rep(sample(1:300, 1), p))
  pv <- 2 * pt(-abs(t), df); rn <- c("(Intercept)", paste0("x", strrep("v", sample(0:12, 6))))[1:p]
  m <- if (i %% 2) cbind(Estimate = est, `Std. Error` = se, df = df, `t value` = t, `Pr(>|t|)` = pv)
       else cbind(Estimate = est, `Std. Error` = se, `t value` = t, `Pr(>|t|)` = pv)
  if (i %% 17 == 0 && p > 1) m[2, ] <- NA
  rownames(m) <- make.unique(rn); d <- if (i %% 10 == 0) sample(3:7, 1) else 4
  cs <- if (i %% 2) 1:3 else 1:2
  out <- capture.output(stats::printCoefmat(m, digits = d, cs.ind = cs, tst.ind = max(cs) + 1, na.print = "NA"))
  list(rows = I(rownames(m)), columns = colnames(m), m = mat(m), digits = d, out = I(out))
})
words <- c("(Intercept)", "intervention", "ses", "intervention:ses", "standLRT", "poly(Days, 2)1", "poly(Days, 2)2",
  "recipeB:temperature.L", "recipeC:temperature.L", "I(Days^2)", "log(x + 1)", "schgendmixed", "schgendboys",
  "a_very_long_name_of_a_variable", "AAAAAAAAAAAAAAAAAAA", "xxxxxxxxxxxxxxxx1", "xxxxxxxxxxxxxxxx2", "Days", "MachineB",
  "MachineC", "service1", "factor(g)10", "ns(age, df = 3)1", "ns(age, df = 3)2", "scale(ses)", "mathkind", "minority",
  "sexMale", "treatment.group.name", "Variety Golden Rain", "Variety Marvellous", "temperature^4", "bs(x, 4)1", "aeiou", "aaaaaaaaaaaaaaa")
abbr <- lapply(1:200, function(i) {
  w <- if (i <= length(words)) words[i] else sample(words, sample(2:8, 1)); k <- sample(c(6, 11, 4, 8), 1)
  list(x = I(w), minlength = k, out = I(unname(abbreviate(w, minlength = k))))
})
terms <- c("x", "ses", "intervention", "a*b", "x:z", "x/g", "I(x^2)", "log(x+1)", "poly(x,2,raw=TRUE)", "factor(g)", "-1", "0",
  "(1|g)", "(1+x|school)", "(0+x|g)", "(x||g)", "(1|a/b)", "(1|a:b)", "a%in%b", "offset(log(n))", "C(a,sum)", "I(-x)",
  "some_predictor_number_one", "another_longer_predictor", "(1|third_predictor_name/fourth_predictor_name)", "(a+b)^2",
  "one_long_factor_name:another_long_factor_name", "scale(x)", "`a b`", "ns(age,df=3)", "I(a>=2)", "C(a,'sum')", "I(x*1e3)", "I(2*x)", "b*(c+d)")
forms <- lapply(1:300, function(i) {
  rhs <- paste(sample(terms, if (i < 100) 2 else sample(1:12, 1)), collapse = sample(c(" + ", "+"), 1))
  lhs <- sample(c("y", "log(y)", "math_score", "cbind(a, b)", "sqrt(some_long_response_name)"), 1)
  text <- gsub("+ -1", "- 1", gsub("+-1", "-1", paste0(lhs, sample(c("~", " ~ "), 1), rhs), fixed = TRUE), fixed = TRUE)
  f <- as.formula(text)
  list(text = text, out = I(deparse(f)), filled = I(capture.output(cat("Formula:", deparse(f), fill = TRUE))),
       call = I(deparse(as.call(list(quote(lm), formula = f)))))
})
qs <- lapply(1:100, function(i) {
  x <- rt(sample(c(3, 20, 400), 1), sample(c(1, 4, 30), 1)) * 10^(if (i %% 2) 0 else sample(-8:8, 1))
  q <- structure(quantile(x), names = c("Min", "1Q", "Median", "3Q", "Max"))
  list(x = I(hex(unname(q))), out = I(capture.output(print(zapsmall(q, 5), digits = 4))))
})
aics <- lapply(1:60, function(i) {
  x <- switch(i %% 3 + 1, rnorm(4, 1000, 500), rnorm(4) * 10^sample(0:6, 1), round(rnorm(4) * 100))
  names(x) <- c("AIC", "BIC", "logLik", "deviance"); r <- sample(1:1e5, 1)
  list(x = I(hex(unname(x))), df_resid = r, out = I(capture.output(lme4::.prt.aictab(c(x, df.resid = r), 1))))
})
vcs <- lapply(1:90, function(i) {
  mk <- function(k) { a <- matrix(rnorm(k * k), k) * 10^sample(-3:3, 1); v <- crossprod(a); if (i %% 7 == 0) v[1, ] <- v[, 1] <- 0
    nm <- c("(Intercept)", "Days", "x2", "MachineC")[1:k]; dimnames(v) <- list(nm, nm)
    structure(v, stddev = sqrt(diag(v)), correlation = { s <- sqrt(diag(v)); r <- v / outer(s, s); diag(r) <- 1; r }) }
  g <- sample(c("Subject", "g", "classid:schoolid", "a_long_group_name"), sample(1:3, 1))
  vc <- structure(setNames(lapply(g, function(.) mk(sample(c(1, 1, 2, 3, 4), 1))), g), sc = rexp(1) * 10^sample(-3:3, 1),
                  useSc = TRUE, class = "VarCorr.merMod")
  d <- as.data.frame(vc)
  list(group = d$grp, var1 = d$var1, var2 = d$var2, vcov = I(hex(d$vcov)), sdcor = I(hex(d$sdcor)),
       out = I(capture.output(print(vc, digits = 4, comp = c("Variance", "Std.Dev.")))))
})
cors <- lapply(1:40, function(i) {
  p <- sample(2:12, 1); a <- matrix(rnorm(p * (p + 2)), p); v <- tcrossprod(a); nm <- sample(words[-(34:35)], p)
  r <- cov2cor(v); cf <- matrix(format(round(r, 3), nsmall = 3), p); cf[!lower.tri(cf)] <- ""
  dimnames(cf) <- list(abbreviate(nm, minlength = 11), abbreviate(nm, minlength = 6))
  list(names = I(nm), v = mat(v), out = I(capture.output(print(cf[-1, -p, drop = FALSE], quote = FALSE))))
})
out <- list(format = formats, round = rounds, cat = cats, pval = pvals, coefmat = coefs, abbreviate = abbr,
            formula = forms, quantiles = qs, aic = aics, varcorr = vcs, correlation = cors)
writeLines(toJSON(out, auto_unbox = TRUE, digits = NA, na = "null"), "rformat.json")
