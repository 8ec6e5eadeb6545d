# What lme4, glmmTMB and emmeans answer about GLMMs: Rscript glmm_inference.R > glmm_inference.json
suppressMessages({library(lme4); library(glmmTMB); library(emmeans); library(jsonlite)})
data(Contraception, package = "mlmRev")
plain <- function(x) { x <- as.data.frame(x); i <- sapply(x, is.factor); x[i] <- lapply(x[i], as.character); x }
out <- list()

out$text <- capture.output(print(summary(glmer(
  cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial)), digits = 4))
L <- glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial)
out$ranef <- plain(ranef(L, condVar = TRUE))[c("grp", "condval", "condsd")]
for (type in c("deviance", "pearson", "response", "working"))
  out$residuals[[type]] <- unname(residuals(L, type))

g <- glmmTMB(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial)
out$cbpp$coef <- unname(coef(summary(g))$cond)
out$cbpp$vcov <- unname(vcov(g)$cond)
e <- emmeans(g, "period", df = Inf)
out$cbpp$link <- plain(e)
out$cbpp$response <- plain(summary(e, type = "response"))
out$cbpp$pairs <- plain(pairs(e))
out$cbpp$ratios <- plain(pairs(e, type = "response"))
out$cbpp$text <- capture.output(print(summary(e, type = "response")))
out$cbpp$pairs_text <- capture.output(print(pairs(e, type = "response")))
new <- data.frame(period = c("1", "3", "2"), herd = c("1", "4", "15"), size = 1, incidence = 0)
for (type in c("link", "response"))
  out$cbpp[[paste0("predict_", type)]] <- as.data.frame(predict(g, new, type = type, se.fit = TRUE))
none <- predict(g, new, type = "link", se.fit = TRUE, re.form = NA)
out$cbpp$population <- as.data.frame(none)

# Wald tests of types II and III from coefficients and covariance.
wald <- function(b, V, i) if (length(i)) sum(b[i] * solve(V[i, i, drop = FALSE], b[i])) else 0
Contraception$y <- as.integer(Contraception$use == "Y")
k <- glmmTMB(y ~ age + I(age^2) + urban * livch + (1 | district), Contraception, binomial)
b <- fixef(k)$cond; V <- vcov(k)$cond
a <- attr(model.matrix(~ age + I(age^2) + urban * livch, Contraception), "assign")
two <- function(t, above = NULL) wald(b, V, which(a %in% c(t, above))) - wald(b, V, which(a %in% above))
out$contraception$coef <- unname(coef(summary(k))$cond)
out$contraception$type2 <- c(two(1), two(2), two(3, 5), two(4, 5), two(5))
s <- glmmTMB(y ~ age + I(age^2) + urban * livch + (1 | district), Contraception, binomial,
             contrasts = list(urban = "contr.sum", livch = "contr.sum"))
b3 <- fixef(s)$cond; V3 <- vcov(s)$cond
out$contraception$type3 <- sapply(1:5, function(t) wald(b3, V3, which(a == t)))
out$contraception$loglik <- as.numeric(logLik(k))
out$contraception$emmeans <- plain(summary(emmeans(k, "livch", by = "urban", df = Inf), type = "response"))
out$contraception$loglik0 <- as.numeric(logLik(update(k, . ~ . - urban:livch)))

# Counts with an offset; negative binomial.
t1 <- glmmTMB(TICKS ~ YEAR + cHEIGHT + (1 | BROOD), grouseticks, nbinom2)
out$ticks$coef <- unname(coef(summary(t1))$cond)
out$ticks$phi <- sigma(t1)
out$ticks$loglik <- as.numeric(logLik(t1))
e <- emmeans(t1, "YEAR", df = Inf)
out$ticks$response <- plain(summary(e, type = "response"))
out$ticks$ratios <- plain(pairs(e, type = "response"))
out$ticks$text <- capture.output(print(summary(e, type = "response")))
new <- data.frame(YEAR = c("95", "97"), cHEIGHT = c(0, 30), BROOD = c("501", "510"))
out$ticks$predict <- as.data.frame(predict(t1, new, type = "link", se.fit = TRUE))

cat(toJSON(out, digits = NA, pretty = TRUE, auto_unbox = TRUE))
